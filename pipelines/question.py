"""Query one metric by dimensions: SQL that refuses sums over rows that must not be added up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from schemas.errors import EmberlineError
from schemas.metric import Metric
from schemas.metrics import METRICS

Value = Any
"""A value of a dimension, as a parameter of psycopg."""

_ALL: Final = 1000


class QuestionRefused(EmberlineError):
    """A query with an unknown name, or over rows that must not be added up."""


def metric_named(name: str) -> Metric:
    """Return the metric of a name.

    Raises:
        QuestionRefused: There is no such metric.
    """
    if name not in METRICS:
        raise QuestionRefused(f"There is no metric {name!r}.", f"Take one of {', '.join(sorted(METRICS))}.")
    return METRICS[name]


def question(
    metric: Metric,
    by: Sequence[str] = (),
    where: Mapping[str, Sequence[Value]] | None = None,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    limit: int = _ALL,
) -> sa.TextClause:
    """Build a query of a metric by dimensions.

    Args:
        metric: The metric.
        by: Dimensions to group by: a row for each combination of their values.
        where: Filters: the allowed values of dimensions.
        since: The first day, by `Dataset.dated_by`.
        until: The day after the last one.
        limit: Most rows.

    Returns:
        A query of the columns `by` and the metric's name, ordered by the dimensions.

    Raises:
        QuestionRefused: The metric lacks a dimension; or values would be added up over a dimension of `within`; or days
            are given and the rows have none.
    """
    where = where or {}
    _refuse_unknown(metric, (*by, *where))
    if loose := [name for name in metric.within if name not in by and len(where.get(name, ())) != 1]:
        raise QuestionRefused(
            f"{metric.name} is not a number over different values of {', '.join(loose)}.",
            f"Group by {', '.join(loose)}, or filter by one value of each.",
        )
    columns = [_quoted(name) for name in by]
    sql = f"SELECT {', '.join([*columns, f'{_escaped(metric.sql)} AS {_quoted(metric.name)}'])}"
    sql += _of_rows(metric, where, since, until)
    if columns:
        places = ", ".join(str(place) for place in range(1, len(columns) + 1))
        sql += f"\nGROUP BY {places}\nORDER BY {places}"
    return _bound(sql, where, limit)


def rows_behind(
    metric: Metric,
    where: Mapping[str, Sequence[Value]] | None = None,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    limit: int = _ALL,
) -> sa.TextClause:
    """Build a query of the rows behind a metric, with ids of orders, messages or events if the table has them.

    Args:
        metric: The metric.
        where: Filters: the allowed values of dimensions.
        since: The first day, by `Dataset.dated_by`.
        until: The day after the last one.
        limit: Most rows.

    Returns:
        A query of all columns of the dataset, in the order of the table's key.

    Raises:
        QuestionRefused: The metric lacks a dimension, or days are given and the rows have none.
    """
    where = where or {}
    _refuse_unknown(metric, tuple(where))
    key = ", ".join(_quoted(str(column.name)) for column in metric.dataset.table.primary_key)
    return _bound(f"SELECT *{_of_rows(metric, where, since, until)}\nORDER BY {key}", where, limit)


def _refuse_unknown(metric: Metric, names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in metric.dimensions]:
        raise QuestionRefused(
            f"{metric.name} has no dimension {', '.join(unknown)}.", f"Take some of {', '.join(metric.dimensions)}."
        )


def _of_rows(metric: Metric, where: Mapping[str, Sequence[Value]], since: dt.date | None, until: dt.date | None) -> str:
    """Build the part of a query from FROM on: the filtered rows of a metric's dataset."""
    bounds = {sign: day for sign, day in ((">=", since), ("<", until)) if day is not None}
    dated_by = metric.dataset.dated_by
    if bounds and dated_by is None:
        raise QuestionRefused(
            f"{metric.name} has no period: its rows are a current state, or sums over all time.",
            "Query it without days.",
        )
    limits = [f"{_quoted(name)} = ANY(:of_{name})" for name in where]
    limits += [f"{_quoted(str(dated_by))} {sign} '{day.isoformat()}'" for sign, day in bounds.items()]
    rows = f"\nFROM (\n{_escaped(metric.dataset.sql)}\n) AS {_quoted(metric.dataset.name)}"
    return rows + (f"\nWHERE {' AND '.join(limits)}" if limits else "")


def _bound(sql: str, where: Mapping[str, Sequence[Value]], limit: int) -> sa.TextClause:
    return sa.text(f"{sql}\nLIMIT :at_most").bindparams(
        at_most=limit, **{f"of_{name}": list(values) for name, values in where.items()}
    )


def _quoted(name: str) -> str:
    return f'"{name}"'


def _escaped(sql: str) -> str:
    """Escape SQL so that SQLAlchemy does not read a cast as a parameter."""
    return sql.replace(":", "\\:")
