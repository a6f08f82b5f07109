"""Lifecycle: the active persons of a unit by where they come from, and those who stayed away."""

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
"""More than there are days before and after 1970, so that a person and a day fit into one number."""


class LifecycleBroken(EmberlineError):
    """The counts of a unit contradict those of the unit before.

    Attributes:
        unit: Calendar unit of the row.
        start: First day of the first unit that contradicts.
        active: Persons the row says were active.
        expected: Persons active by the other columns: active before - dormant + new + resurrecting.
    """

    def __init__(self, unit: str, start: dt.date, active: int, expected: int) -> None:
        """Name the row, both numbers and the way out."""
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
        unit: Calendar unit to count by.
        complete_through: Last complete day, none if no day is complete.

    Returns:
        `schemas.lake.LIFECYCLE`: a row for every unit, without gaps, from the first with activity
        to the one that holds the newer of `complete_through` and the last day with activity. An
        incomplete unit has the counts so far and is flagged.
    """
    span = person_day.select(first=pl.col("day").min(), last=pl.col("day").max())
    counts = lifecycle_counts(person_day, person_day.select("person_id", first_day="day"), unit)
    return lifecycle_rows(counts, span, unit, complete_through)


def lifecycle_counts(person_day: pl.LazyFrame, first_seen: pl.LazyFrame, unit: Unit) -> pl.LazyFrame:
    """Count the persons of units, without rows for units that have nobody to count.

    Args:
        person_day: `person_id, day`, in whole units. Counts hold for a unit whose activity is here and that of the
            unit before.
        first_seen: `person_id, first_day` over all history.
        unit: Calendar unit to count by.

    Returns:
        `start`, and the counts of `schemas.lake.LIFECYCLE`; null is 0.
    """
    start, person = pl.col("start"), pl.col("person")
    # Neighbours in one sorted column of whole numbers: windows a person, strings or two columns take several times as
    # long.
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
    # Counted from the persons themselves and not as `active before - returning`: the invariant
    # could not fail otherwise.
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
    """Lay counts on the calendar, see `lifecycle`.

    Args:
        counts: What `lifecycle_counts` gives.
        span: One row `first, last`: the first and the last day with activity, null where there is none.
        unit: Calendar unit of the counts.
        complete_through: Last complete day, none if no day is complete.

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
        lifecycle: `schemas.lake.LIFECYCLE` of one or several units, each from its first row on, in
            any order.

    Raises:
        LifecycleBroken: The first row, by unit and start, for which it does not hold.
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
