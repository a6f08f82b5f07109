"""Lifecycle: the active persons of a unit by where they come from, and those who stayed away."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.calendar import (
    Unit,
    is_complete,
    next_unit_start,
    unit_start,
    unit_starts,
    units_between,
)
from schemas.errors import EmberlineError
from schemas.lake import LIFECYCLE


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
    """Count active persons over all groups by where they come from (definitions, section 5).

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
    return lifecycle_rows(lifecycle_counts(person_day, unit), span, unit, complete_through)


def lifecycle_counts(person_day: pl.LazyFrame, unit: Unit, first_seen: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Count the persons of units, without rows for units that have nobody to count.

    Args:
        person_day: `person_id, day`, in whole units. Counts hold for a unit whose activity is here and that of the
            unit before.
        unit: Calendar unit to count by.
        first_seen: `person_id, first_day` over all history; without it `person_day` is all of history.

    Returns:
        `start`, and the counts of `schemas.lake.LIFECYCLE`; null is 0.
    """
    start, person = pl.col("start"), pl.col("person_id")
    # Neighbours in one sorted column: a window function a person takes several times as long.
    spells = (
        person_day.select("person_id", start=unit_start(pl.col("day"), unit))
        .unique()
        .sort("person_id", "start")
        .with_columns(
            since_before=pl.when(person == person.shift(1)).then(units_between(start.shift(1), start, unit)),
            until_after=pl.when(person == person.shift(-1)).then(units_between(start, start.shift(-1), unit)),
        )
    )
    new = pl.col("since_before").is_null()
    if first_seen is not None:
        firsts = first_seen.group_by("person_id").agg(opening=unit_start(pl.col("first_day").min(), unit))
        spells = spells.join(firsts, on="person_id", how="left")
        new = new & (pl.col("opening") == start)
    returning = (pl.col("since_before") == 1).fill_null(value=False)
    present = spells.group_by("start").agg(
        active=pl.len(), new=new.sum(), returning=returning.sum(), resurrecting=(~new & ~returning).sum()
    )
    # Counted from the persons themselves and not as `active before - returning`: the invariant
    # could not fail otherwise.
    absent = (
        spells.filter(pl.col("until_after").is_null() | (pl.col("until_after") > 1))
        .group_by(start=next_unit_start(start, unit))
        .agg(dormant=pl.len())
    )
    return present.join(absent, on="start", how="full", coalesce=True)


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
    """Check active = active before - dormant + new + resurrecting (definitions, section 5).

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
