"""Every column says what it means, and no word stands for a column that is not there."""

from schemas import operations, warehouse
from schemas.lake import TABLES
from schemas.meanings import COLUMNS

STORED = {
    f"{table.fullname}.{column.name}": column.comment
    for metadata in (warehouse.metadata, operations.metadata)
    for table in metadata.sorted_tables
    for column in table.columns
}
LAKE = {f"lake.{table.name}.{column}": table.meaning(column) for table in TABLES.values() for column in table.columns}


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
