"""Every column says what it means, and no word stands for a column that is not there."""

import re

import sqlalchemy as sa

from schemas import operations, views, warehouse
from schemas.columns import COLUMNS, Meaning, meaning_of
from schemas.lake import TABLES

STORED = {
    f"{table.fullname}.{column.name}": column.comment
    for metadata in (warehouse.metadata, views.metadata, operations.metadata)
    for table in metadata.sorted_tables
    for column in table.columns
}
LAKE = {
    f"lake.{table.name}.{column}": table.meaning(column).text for table in TABLES.values() for column in table.columns
}


def test_every_column_of_warehouse_and_lake_has_a_meaning():
    assert [name for name, meaning in (STORED | LAKE).items() if not meaning] == []


def test_every_amount_says_that_it_is_in_minor_units():
    amounts = {name: meaning for name, meaning in (STORED | LAKE).items() if name.endswith("_minor")}
    assert [name for name, meaning in amounts.items() if "in minor units of the currency" not in str(meaning)] == []


def test_every_share_and_probability_says_its_range():
    shares = [name for name in LAKE if name.rpartition(".")[2].startswith(("risk_", "p_", "operator_share", "auc"))]
    assert [name for name in shares if "0 to 1" not in LAKE[name] and "the same" not in LAKE[name]] == []


def test_no_meaning_is_of_a_column_that_is_not_there():
    assert COLUMNS.keys() - {name.rpartition(".")[2] for name in STORED | LAKE} == set()


def numbers() -> dict[str, tuple[bool, Meaning, set[str]]]:
    """Of every column: whether it is a number, what it means, and the columns beside it."""
    found = {
        f"lake.{table.name}.{name}": (dtype.is_numeric(), table.meaning(name), set(table.columns))
        for table in TABLES.values()
        for name, dtype in table.columns.items()
    }
    for metadata in (warehouse.metadata, views.metadata, operations.metadata):
        for table in metadata.sorted_tables:
            for column in table.columns:
                is_number = isinstance(column.type, sa.Integer | sa.Numeric | sa.Double)
                beside = {str(other.name) for other in table.columns}
                found[f"{table.fullname}.{column.name}"] = is_number, meaning_of(column), beside
    return found


def test_every_number_has_a_unit_and_nothing_else_has_one():
    units = {name: (is_number, meaning.unit) for name, (is_number, meaning, _) in numbers().items()}
    assert [name for name, (is_number, unit) in units.items() if is_number != (unit is not None)] == []


def test_what_rows_have_to_agree_in_to_be_added_up_are_columns_of_the_table():
    assert [name for name, (_, meaning, beside) in numbers().items() if not set(meaning.within or ()) <= beside] == []


def test_a_ratio_is_never_added_up_and_an_amount_only_in_one_currency():
    for name, (_, meaning, _) in numbers().items():
        if re.search(r"rate|share|risk_|auc|conversion|usual|median|mean|p90|score|_id$", name.rpartition(".")[2]):
            assert meaning.within is None, name
        if name.endswith("_minor"):
            assert meaning.within is None or "currency" in meaning.within, name


def test_the_figures_of_a_table_of_the_lake_are_those_of_its_twin_in_the_warehouse():
    """The same column has the same unit and adds up over the same rows in both."""
    for table in TABLES.values():
        twin = warehouse.metadata.tables.get(f"mart.{table.name}")
        if twin is None:
            continue
        for name in set(table.columns) & {str(column.name) for column in twin.columns}:
            lake, mart = table.meaning(name), meaning_of(twin.columns[name])
            assert (lake.unit, lake.within) == (mart.unit, mart.within), (table.name, name)
