"""Read a metric by subject over comparable periods, by its own SQL: the input of rules on metrics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa

from pipelines.alerts.metric_rules import SERIES, MetricRule, Per
from pipelines.publish.database import as_text
from pipelines.publish.warehouse import Warehouse
from pipelines.question import QuestionRefused, question
from schemas.metric import Metric, Middle, Most
from schemas.warehouse import dim_group

WEEK: Final = dt.timedelta(days=7)
_DIMENSION: Final[Mapping[Per, tuple[str, ...]]] = {"company": (), "purpose": ("purpose",), "group": ("group_id",)}
_MOST_ROWS: Final = 10_000_000


def refuse_unmeasurable(rule: MetricRule) -> None:
    """Refuse a rule whose metric lacks the periods, volume or parts that the rule needs.

    Raises:
        QuestionRefused: The message names what is missing.
    """
    _period_of(rule)
    if isinstance(rule.metric.aggregate, Middle | Most):
        raise QuestionRefused(
            f"{rule.metric.name} is of single rows: it has no volume by which a change is known from chance.",
            "Take a metric that counts or sums.",
        )
    part = _DIMENSION[rule.per]
    if rule.kind == "share_shifted" and not {*part} & {*rule.metric.adds_up_over}:
        raise QuestionRefused(
            f"{rule.metric.name} per {rule.per} is no sum of parts: they have no shares of it.",
            "Take a metric that adds up over groups or purposes, per one of these.",
        )
    _questions(rule, periods(rule, dt.date(2000, 1, 1)))


def periods(rule: MetricRule, complete_through: dt.date) -> list[dt.date]:
    """The first days of the newest complete period and of the comparable ones before it, the newest first.

    Weeks begin on Monday. A day is compared with the same day of the weeks before.
    """
    newest = complete_through
    if rule.period == "week":
        tomorrow = complete_through + dt.timedelta(days=1)
        newest = tomorrow - dt.timedelta(days=tomorrow.weekday()) - WEEK
    return [newest - number * WEEK for number in range(rule.periods + 1)]


def last_day(rule: MetricRule, first: dt.date) -> dt.date:
    """The last day of a period."""
    return first + (WEEK if rule.period == "week" else dt.timedelta(days=1)) - dt.timedelta(days=1)


def read_series(reader: Warehouse, rule: MetricRule, days: Sequence[dt.date]) -> pl.DataFrame:
    """Query the metric of these periods, `SERIES`.

    Args:
        reader: The warehouse, with the read-only role.
        rule: The rule whose metric is read.
        days: The first days of the periods, the newest first.
    """
    read = reader.read_together(*_questions(rule, days))
    parts = [
        frame.group_by("subject", "day").agg(pl.col("value").sum().alias(name))
        for name, frame in zip(("over", "under"), read, strict=False)
    ]
    found = parts[0] if len(parts) == 2 else parts[0].with_columns(under=pl.lit(None, pl.Float64))
    if len(parts) == 2:
        found = found.join(parts[1], on=["subject", "day"], how="full", coalesce=True, nulls_equal=True)
    ago = {day: number for number, day in enumerate(days)}
    return found.select(
        "subject", pl.col("day").replace_strict(ago, return_dtype=pl.Int32).alias("ago"), "over", "under"
    ).select(pl.col(name).cast(dtype) for name, dtype in SERIES.items())


def names_of(reader: Warehouse) -> dict[str, str | None]:
    """Read the names of groups, by id."""
    found = reader.read(sa.select(dim_group.c.group_id, dim_group.c.name))
    return dict(found.iter_rows())


def rows_query(rule: MetricRule, subject: str, days: Sequence[dt.date], zone: str) -> str:
    """Return SQL, on one line, for the rows behind a finding in all of its periods."""
    dataset = rule.metric.dataset
    table = dataset.table.alias("fact")
    dated = table.c[dataset.day or dataset.start or ""]
    first, last = days[-1], last_day(rule, days[0])
    if isinstance(dated.type, sa.DateTime):
        first = dt.datetime.combine(first, dt.time.min, ZoneInfo(zone))
        last = dt.datetime.combine(last, dt.time.max, ZoneInfo(zone))
    # Some chat services read < and > as tags.
    query = sa.select(sa.literal_column("*")).select_from(table).where(dated.between(first, last))
    for name, value in rule.where.items():
        if name in table.columns:
            query = query.where(table.c[name] == value)
    if rule.per == "group":
        query = query.where(table.c.group_id == subject)
    elif rule.per == "purpose" and "purpose" in table.columns:
        query = query.where(table.c.purpose == subject)
    elif rule.per == "purpose":
        groups = sa.select(dim_group.c.group_id).where(dim_group.c.purpose == subject)
        query = query.where(table.c.group_id.in_(groups))
    return " ".join(as_text(query.order_by(dated)).split())


def _questions(rule: MetricRule, days: Sequence[dt.date]) -> list[sa.Select]:
    """Build a query for each part of the metric: `subject`, `day` and `value`."""
    return [_asked(rule, part, days) for part in rule.parts]


def _asked(rule: MetricRule, part: Metric, days: Sequence[dt.date]) -> sa.Select:
    time, unit = _period_of(rule)
    by = (*_DIMENSION[rule.per], time)
    where = {name: [value] for name, value in {**rule.where, **unit}.items()}
    until = last_day(rule, days[0]) + dt.timedelta(days=1)
    text = question(part, by, {**where, time: days}, since=days[-1], until=until, limit=_MOST_ROWS)
    rows = text.columns(*(sa.column(name) for name in (*by, part.name))).subquery()
    subject = rows.c[by[0]] if len(by) > 1 else sa.literal("company")
    return sa.select(
        sa.cast(subject, sa.Text).label("subject"),
        sa.cast(rows.c[time], sa.Date).label("day"),
        sa.cast(rows.c[part.name], sa.Double).label("value"),
    )


def _period_of(rule: MetricRule) -> tuple[str, dict[str, str]]:
    """Return the dimension of the periods' first days, and the filter on their length."""
    dataset = rule.metric.dataset
    if dataset.day is not None:
        return rule.period, {}
    if dataset.start == "start" and "unit" in dataset.dimensions:
        return "start", {"unit": rule.period}
    raise QuestionRefused(
        f"{rule.metric.name} has no days and weeks.", "Take a metric that can be asked by day, or by unit and start."
    )
