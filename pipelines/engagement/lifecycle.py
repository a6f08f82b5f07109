"""Lifecycle: active persons of a period by where they come from, and those who became dormant."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.calendar import (
    Unit,
    is_complete,
    next_unit_start,
    unit_start,
    unit_starts,
)
from schemas.errors import EmberlineError
from schemas.lake import LIFECYCLE

_DAYS: Final = 1 << 32
"""More than the days before and after 1970, so that a person and a day fit into one number."""


class LifecycleBroken(EmberlineError):
    """The counts of a period contradict those of the previous one.

    Attributes:
        unit: Length of the period.
        start: First day of the first contradicting period.
        active: Persons the row says were active.
        expected: Persons active by the other columns: active before - dormant + new + resurrecting.
    """

    def __init__(self, unit: str, start: dt.date, active: int, expected: int) -> None:
        """Build the message from the row and both numbers."""
        self.unit = unit
        self.start = start
        self.active = active
        self.expected = expected
        super().__init__(
            f"active is {active}, but active before - dormant + new + resurrecting is {expected}.",
            "Compute lifecycle again from a single version of all of person_day.",
            f"table lifecycle, unit {unit} starting {start}",
        )


def lifecycle(person_day: pl.LazyFrame, unit: Unit, complete_through: dt.date | None) -> pl.LazyFrame:
    """Count active persons over all groups by where they come from (docs/definitions.md#engagement).

    Args:
        person_day: `schemas.lake.PERSON_DAY` over all history.
        unit: Length of the periods.
        complete_through: Last complete day, None if no day is complete.

    Returns:
        `schemas.lake.LIFECYCLE`: a row for every period, without gaps, from the first with activity to the one that
        contains the newer of `complete_through` and the last day with activity. An incomplete period has the counts so
        far and is flagged.
    """
    span = person_day.select(first=pl.col("day").min(), last=pl.col("day").max())
    counts = lifecycle_counts(person_day, person_day.select("person_id", first_day="day"), unit)
    return lifecycle_rows(counts, span, unit, complete_through)


def lifecycle_counts(person_day: pl.LazyFrame, first_seen: pl.LazyFrame, unit: Unit) -> pl.LazyFrame:
    """Count the persons of periods, without rows for empty periods.

    Args:
        person_day: `person_id, day`, in whole periods. Counts are right for a period whose activity is included, with
            that of the previous one.
        first_seen: `person_id, first_day` over all history.
        unit: Length of the periods.

    Returns:
        `start`, and the counts of `schemas.lake.LIFECYCLE`; null is 0.
    """
    start, person = pl.col("start"), pl.col("person")
    # Neighbours in one sorted integer column: windows by person, strings or two columns take several times as long.
    category = pl.Categorical(pl.Categories.random())
    number = pl.col("person_id").cast(category).to_physical().cast(pl.Int64)
    spells = (
        person_day.select(spell=number * _DAYS + unit_start(pl.col("day"), unit).to_physical())
        .unique()
        .sort("spell")
        .with_columns(person=(pl.col("spell") + _DAYS // 2) // _DAYS)
        .select("person", start=(pl.col("spell") - person * _DAYS).cast(pl.Int32).cast(pl.Date))
        .with_columns(
            is_returning=(person == person.shift(1)) & (next_unit_start(start.shift(1), unit) == start),
            is_staying=(person == person.shift(-1)) & (next_unit_start(start, unit) == start.shift(-1)),
        )
    )
    present = spells.group_by("start").agg(active=pl.len(), returning=pl.col("is_returning").sum())
    new = (
        first_seen.group_by("person_id")
        .agg(start=unit_start(pl.col("first_day").min(), unit))
        .group_by("start")
        .agg(new=pl.len())
    )
    # Counted from the persons and not as `active before - returning`: otherwise the invariant could not fail.
    absent = (
        spells.filter(~pl.col("is_staying").fill_null(value=False))
        .group_by(start=next_unit_start(start, unit))
        .agg(dormant=pl.len())
    )
    counted = pl.col("active", "new", "returning").fill_null(0).cast(pl.Int64)
    return (
        present.join(new, on="start", how="left")
        .with_columns(counted)
        .with_columns(resurrecting=pl.col("active") - pl.col("new") - pl.col("returning"))
        .join(absent, on="start", how="full", coalesce=True)
    )


def lifecycle_rows(
    counts: pl.LazyFrame, span: pl.LazyFrame, unit: Unit, complete_through: dt.date | None
) -> pl.LazyFrame:
    """Return a row per period from the counts; see `lifecycle`.

    Args:
        counts: Result of `lifecycle_counts`.
        span: One row `first, last`: the first and the last day with activity, null if there is none.
        unit: Length of the periods.
        complete_through: Last complete day, None if no day is complete.

    Returns:
        `schemas.lake.LIFECYCLE`.
    """
    start = pl.col("start")
    columns = pl.col("active", "new", "returning", "resurrecting", "dormant")
    newest_day = pl.max_horizontal(pl.col("last"), pl.lit(complete_through, pl.Date))
    return (
        span.drop_nulls("first")
        .select(start=unit_starts(unit_start(pl.col("first"), unit), unit_start(newest_day, unit), unit))
        .explode("start")
        .join(counts, on="start", how="left")
        .with_columns(
            columns.fill_null(0).cast(pl.Int64),
            unit=pl.lit(unit),
            is_complete=is_complete(start, unit, complete_through),
        )
        .select(LIFECYCLE.columns.keys())
    )


def assert_invariant(lifecycle: pl.LazyFrame) -> None:
    """Check active = active before - dormant + new + resurrecting (docs/definitions.md#engagement).

    Args:
        lifecycle: `schemas.lake.LIFECYCLE` of one or several units, each from its first row on, in any order.

    Raises:
        LifecycleBroken: It does not hold; names the first row by unit and start.
    """
    before = pl.col("active").shift(1, fill_value=0).over("unit")
    expected = before - pl.col("dormant") + pl.col("new") + pl.col("resurrecting")
    broken = (
        lifecycle.sort("unit", "start")
        .select("unit", "start", "active", expected=expected)
        .filter(pl.col("active") != pl.col("expected"))
        .head(1)
        .collect()
    )
    for row in broken.iter_rows():
        raise LifecycleBroken(*row)
