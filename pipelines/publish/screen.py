"""One query that finds broken expectations, so that Great Expectations evaluates only those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from pipelines.publish.database import as_text
from schemas.business_rules import BATCH
from schemas.expectations import Expectation, Suite
from schemas.warehouse import STAGING

UNIQUE: Final = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
"""Types of expectations on keys."""


@dataclass(frozen=True)
class Look:
    """Expectations of a suite, and the table or view of `staging` that they check."""

    suite: Suite
    expectations: tuple[Expectation, ...]
    rows: str


def screen(looks: Sequence[Look]) -> str:
    """Return a query for the number, from 0, of each look that is broken or that this query cannot evaluate."""
    # Counts are planned for all rows; `LIMIT 1` and `EXISTS` would be planned for finding one row early.
    found = [
        f"(SELECT {number} AS look FROM ({query}) AS broken HAVING count(*) > 0)"
        for number, look in enumerate(looks)
        for query in _findings(look)
    ]
    return f"SELECT DISTINCT look FROM ({' UNION ALL '.join(found)}) AS looks"


def _findings(look: Look) -> Iterator[str]:
    """Return queries that return rows if an expectation does not hold."""
    place = f"{STAGING}.{look.rows}"
    breaches = []
    for expectation in look.expectations:
        if (query := expectation.kwargs.get("unexpected_rows_query")) is not None:
            # As in Great Expectations, which formats the query as a template.
            yield query.format(**{BATCH: place})
        elif (breach := breach_of(expectation)) is not None:
            breaches.append(breach)
        elif (found := _of_table(look, expectation)) is not None:
            yield as_text(found)
        else:
            yield "SELECT 1"
    if breaches:
        rows = sa.table(look.rows, schema=STAGING)
        yield as_text(sa.select(sa.literal(1)).select_from(rows).where(sa.or_(*breaches)))


def _of_table(look: Look, expectation: Expectation) -> sa.Select[Any] | None:
    """Return a query with a row if an expectation on the whole table does not hold; None for other types."""
    rows, count = sa.table(look.rows, schema=STAGING), sa.func.count()
    match expectation.type:
        case kind if kind in UNIQUE:
            key = [sa.column(name) for name in look.suite.key]
            return sa.select(*key).select_from(rows).group_by(*key).having(count > 1)
        case "expect_table_row_count_to_equal":
            return sa.select(count).select_from(rows).having(count != expectation.kwargs["value"])
        case "expect_table_columns_to_match_set":
            names = sa.column("column_name", sa.Text)
            wanted = names.in_(expectation.kwargs["column_set"])
            columns = sa.table("columns", schema="information_schema")
            here = (sa.column("table_schema", sa.Text) == STAGING) & (sa.column("table_name", sa.Text) == look.rows)
            known, n_wanted = sa.select(count).select_from(columns), len(expectation.kwargs["column_set"])
            differs = (count != n_wanted) | (count.filter(wanted) != n_wanted)
            return known.where(here).having(differs)
        case _:
            return None


def breach_of(expectation: Expectation) -> sa.ColumnElement[bool] | None:
    """Return the condition of rows that break an expectation on the values of a column."""
    match expectation.type:
        case "expect_column_values_to_not_be_null":
            return sa.column(expectation.kwargs["column"]).is_(None)
        case "expect_column_values_to_be_between" if expectation.kwargs.keys() == {"column", "min_value", "max_value"}:
            value = sa.column(expectation.kwargs["column"], sa.Double)
            low, high = expectation.kwargs["min_value"], expectation.kwargs["max_value"]
            return sa.or_(*([] if low is None else [value < low]), *([] if high is None else [value > high]))
        case "expect_column_values_to_be_in_set":
            return sa.column(expectation.kwargs["column"], sa.Text).not_in(expectation.kwargs["value_set"])
        case "expect_column_values_to_match_regex":
            return ~sa.column(expectation.kwargs["column"], sa.Text).regexp_match(expectation.kwargs["regex"])
        case _:
            return None
