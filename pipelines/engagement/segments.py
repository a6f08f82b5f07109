"""Activity and retention of the company, of each group, purpose and carrier.

All counts are sums over the persons of a segment, so that counts of changed persons can be updated separately. See
docs/definitions.md#engagement.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.engagement.calendar import (
    Unit,
    is_complete,
    next_unit_start,
    unit_start,
    unit_starts,
    units_between,
)
from schemas.attribution import UNKNOWN
from schemas.lake import SEGMENT_ACTIVITY, SEGMENT_RETENTION

COMPANY: Final = "company"
"""The breakdown with everybody in a single segment of the same name."""

_UNITS: Final[tuple[Unit, ...]] = ("day", "week", "month")
_COHORTS: Final[Unit] = "month"
_WINDOWS: Final = {"active_7d": dt.timedelta(days=7), "active_28d": dt.timedelta(days=28)}
_COUNTS: Final = ("active", "new", "returning", "resurrecting", "dormant")
_START: Final = pl.col("start")


def segment_activity(person_day: pl.LazyFrame, groups: pl.LazyFrame, through: dt.date | None) -> pl.LazyFrame:
    """Count the active persons of each segment in complete days, weeks and months, by where they come from.

    Args:
        person_day: `schemas.lake.PERSON_DAY` of some persons over all history.
        groups: `schemas.lake.GROUP`.
        through: The last complete day; None: no day is complete.

    Returns:
        `schemas.lake.SEGMENT_ACTIVITY`: a row per segment and period with a count in any column.
    """
    counted = [
        _named(rows, breakdown).with_columns(unit=pl.lit(unit)).collect(engine="streaming")
        for breakdown, days in _segments(person_day, groups, through)
        for unit, rows in _counts(days, through)
    ]
    is_over = pl.any_horizontal((pl.col("unit") == unit) & is_complete(_START, unit, through) for unit in _UNITS)
    rows = pl.concat(counted, how="diagonal").lazy().filter(is_over)
    summed = rows.group_by(SEGMENT_ACTIVITY.key).agg(pl.col(*_COUNTS, *_WINDOWS).sum())
    return of_days_only(summed).select(SEGMENT_ACTIVITY.schema.names())


def of_days_only(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Set columns of days to null in rows of weeks and months."""
    return rows.with_columns(pl.when(pl.col("unit") == "day").then(pl.col(*_WINDOWS)))


def segment_retention(person_day: pl.LazyFrame, groups: pl.LazyFrame, through: dt.date | None) -> pl.LazyFrame:
    """Count the active persons of each segment's cohorts by complete months since.

    Args:
        person_day: `schemas.lake.PERSON_DAY` of some persons over all history.
        groups: `schemas.lake.GROUP`.
        through: The last complete day; None: no day is complete.

    Returns:
        `schemas.lake.SEGMENT_RETENTION`: a row per segment, cohort and complete period, also without active persons.
    """
    parts = [
        _named(_cells(days.lazy(), through), breakdown).collect(engine="streaming")
        for breakdown, days in _segments(person_day, groups, through)
    ]
    return pl.concat(parts).lazy().select(SEGMENT_RETENTION.schema.names())


def _segments(
    person_day: pl.LazyFrame, groups: pl.LazyFrame, through: dt.date | None
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the complete days of persons in the segments of each breakdown: `segment, person, day`, each once.

    Names are numbers, because sorting texts takes several times as long. One breakdown is in memory at a time, and days
    are read once for all.
    """
    person = pl.col("person_id").cast(pl.Categorical(pl.Categories.random())).to_physical()
    of_group = groups.select("group_id", "carrier", "purpose").collect()
    complete = person_day.filter(is_complete(pl.col("day"), "day", through))
    days = complete.select("group_id", "day", person=person).collect(engine="streaming")
    rows = days.lazy().join(of_group.lazy(), on="group_id", how="left")
    columns = {"group": "group_id", "purpose": "purpose", "carrier": "carrier"}
    segments = {COMPANY: pl.lit(COMPANY)} | {name: pl.col(column) for name, column in columns.items()}
    for breakdown, segment in segments.items():
        named = segment.fill_null(UNKNOWN).cast(pl.Categorical(pl.Categories.random()))
        yield breakdown, rows.select("person", "day", segment=named).unique().collect(engine="streaming")


def _named(rows: pl.LazyFrame, breakdown: str) -> pl.LazyFrame:
    return rows.with_columns(pl.col("segment").cast(pl.String), breakdown=pl.lit(breakdown))


def _counts(days: pl.DataFrame, through: dt.date | None) -> Iterator[tuple[Unit, pl.LazyFrame]]:
    for unit in _UNITS:
        spells = _spells(days.lazy(), unit).collect(engine="streaming").lazy()
        yield unit, _lifecycle(spells, unit)
        if unit == "day":
            yield unit, _rolling(spells, through)


def _spells(days: pl.LazyFrame, unit: Unit) -> pl.LazyFrame:
    """Return the active periods of a person in a segment, in order, with the previous and next one or null."""

    def same(rows: int) -> pl.Expr:
        columns = (pl.col("segment").to_physical(), pl.col("person"))
        return pl.all_horizontal(column == column.shift(rows) for column in columns)

    return (
        days.select("segment", "person", start=unit_start(pl.col("day"), unit))
        .unique()
        .sort(pl.col("segment").to_physical(), "person", "start")
        .with_columns(before=pl.when(same(1)).then(_START.shift(1)), after=pl.when(same(-1)).then(_START.shift(-1)))
    )


def _lifecycle(spells: pl.LazyFrame, unit: Unit) -> pl.LazyFrame:
    """Return the counts of periods by where persons come from; dormant persons count in the period after their last."""
    before = pl.col("before")
    is_returning = (next_unit_start(before, unit) == _START).fill_null(value=False)
    present = spells.group_by("segment", "start").agg(
        active=pl.len(),
        new=before.is_null().sum(),
        returning=is_returning.sum(),
        resurrecting=(before.is_not_null() & ~is_returning).sum(),
    )
    left = next_unit_start(_START, unit)
    absent = spells.filter((pl.col("after") != left).fill_null(value=True))
    gone = absent.group_by("segment", start=left).agg(dormant=pl.len())
    return pl.concat([present, gone], how="diagonal").with_columns(pl.col(_COUNTS).cast(pl.Int64))


def _rolling(spells: pl.LazyFrame, through: dt.date | None) -> pl.LazyFrame:
    """Return the number of persons active in the window of days that ends with each day.

    A person counts from a day of activity until the window no longer contains it. So the count rises when a person
    becomes active after the previous window ended, falls when a window ends without new activity, and is constant in
    between.
    """
    steps = []
    for name, length in _WINDOWS.items():
        opens = spells.filter((_START - pl.col("before") >= length).fill_null(value=True))
        ends = spells.filter((pl.col("after") - _START >= length).fill_null(value=True))
        steps += [
            opens.select("segment", "start", pl.lit(1, pl.Int64).alias(name)),
            ends.select("segment", _START + length, pl.lit(-1, pl.Int64).alias(name)),
        ]
    windows = pl.col(*_WINDOWS)
    changes = pl.concat(steps, how="diagonal").group_by("segment", "start").agg(windows.sum())
    last = pl.lit(through, pl.Date)
    span = changes.group_by("segment").agg(first=_START.min(), end=_START.max())
    return (
        span.with_columns(end=pl.when(pl.col("end") < last).then("end").otherwise(last))
        .filter(pl.col("first") <= pl.col("end"))
        .select("segment", start=pl.date_ranges("first", "end"))
        .explode("start", empty_as_null=True)
        .join(changes, on=("segment", "start"), how="left")
        .sort(pl.col("segment").to_physical(), "start")
        .with_columns(windows.fill_null(0).cum_sum().over("segment"))
        .filter(pl.any_horizontal(windows > 0))
    )


def _cells(days: pl.LazyFrame, through: dt.date | None) -> pl.LazyFrame:
    """Return the cohorts of segments, and how many of them were active in each complete period since."""
    cohort = pl.col("cohort")
    is_first = pl.col("before").is_null()
    spells = _spells(days, _COHORTS).with_columns(cohort=pl.when(is_first).then("start").forward_fill())
    active = spells.group_by("segment", "cohort", "start").agg(active=pl.len().cast(pl.Int64))
    newest = unit_start(pl.lit(through, pl.Date), _COHORTS)
    return (
        spells.filter(is_first)
        .group_by("segment", "cohort")
        .agg(cohort_size=pl.len().cast(pl.Int64))
        .filter(is_complete(cohort, _COHORTS, through))
        .with_columns(start=unit_starts(cohort, newest, _COHORTS))
        .explode("start", empty_as_null=True)
        .filter(is_complete(_START, _COHORTS, through))
        .join(active, on=("segment", "cohort", "start"), how="left")
        .with_columns(pl.col("active").fill_null(0), period=units_between(cohort, _START, _COHORTS))
    )
