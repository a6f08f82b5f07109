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
    present = spells.group_by("start").agg(
        active=pl.len(),
        new=pl.col("since_before").is_null().sum(),
        returning=(pl.col("since_before") == 1).sum(),
        resurrecting=(pl.col("since_before") > 1).sum(),
    )
    # Counted from the persons themselves and not as `active before - returning`: the invariant
    # could not fail otherwise.
    absent = (
        spells.filter(pl.col("until_after").is_null() | (pl.col("until_after") > 1))
        .group_by(start=next_unit_start(start, unit))
        .agg(dormant=pl.len())
    )
    newest_day = pl.max_horizontal(pl.col("day").max(), pl.lit(complete_through, pl.Date))
    counts = pl.col("active", "new", "returning", "resurrecting", "dormant")
    return (
        person_day.select(first=unit_start(pl.col("day").min(), unit), last=unit_start(newest_day, unit))
        .drop_nulls("first")
        .select(start=unit_starts(pl.col("first"), pl.col("last"), unit))
        .explode("start")
        .join(present, on="start", how="left")
        .join(absent, on="start", how="left")
        .with_columns(
            counts.fill_null(0).cast(pl.Int64),
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
