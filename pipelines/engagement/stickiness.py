"""Stickiness: on how many days of a period persons were active, and the share of them that a day brings."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.calendar import Unit, is_complete, next_unit_start, unit_start

STICKINESS: Final = pl.Schema(
    {
        "unit": pl.String(),
        "start": pl.Date(),
        "active_days": pl.Int32(),
        "persons": pl.Int64(),
        "is_complete": pl.Boolean(),
    }
)

ACTIVE_PERSONS: Final = pl.Schema(
    {
        "day": pl.Date(),
        "dau": pl.Int64(),
        "wau": pl.Int64(),
        "mau": pl.Int64(),
        "dau_wau": pl.Float64(),
        "dau_mau": pl.Float64(),
        "is_complete": pl.Boolean(),
    }
)

WEEK_DAYS: Final = 7
MONTH_DAYS: Final = 30


def stickiness(person_day: pl.LazyFrame, unit: Unit, complete_through: dt.date | None) -> pl.LazyFrame:
    """Count the active persons of each unit by their number of active days in it (docs/definitions.md#engagement).

    Args:
        person_day: `person_id, day`, a row or several for each day on which a person was active, in any order.
        unit: Calendar unit of the periods.
        complete_through: Last complete day, none if no day is complete.

    Returns:
        `STICKINESS`: for each unit with activity a row for every number of days from 1 to that of the unit, 0 where it
        is nobody's. In an incomplete unit `persons` is null.
    """
    start, days = pl.col("start"), pl.col("active_days")
    counted = (
        person_day.select("person_id", "day")
        .unique()
        .group_by("person_id", start=unit_start(pl.col("day"), unit))
        .agg(active_days=pl.len())
        .group_by("start", "active_days")
        .agg(persons=pl.len())
        .with_columns(days.cast(pl.Int32))
    )
    length = (next_unit_start(start, unit) - start).dt.total_days()
    return (
        counted.select("start")
        .unique()
        .with_columns(active_days=pl.int_ranges(1, length + 1, dtype=pl.Int32))
        .explode("active_days")
        .join(counted, on=["start", "active_days"], how="left")
        .with_columns(unit=pl.lit(unit), is_complete=is_complete(start, unit, complete_through))
        .with_columns(persons=pl.when("is_complete").then(pl.col("persons").fill_null(0)))
        .select(STICKINESS.names())
        .cast(STICKINESS)
    )


def active_persons(person_day: pl.LazyFrame, complete_through: dt.date | None) -> pl.LazyFrame:
    """Count who was active on each day, in the 7 days and in the 30 days that end with it: DAU, WAU and MAU.

    Args:
        person_day: `person_id, day`, as for `stickiness`.
        complete_through: Last complete day, none if no day is complete.

    Returns:
        `ACTIVE_PERSONS`: a row a day, without gaps, from the first with activity to the newer of the last one and
        `complete_through`. On an incomplete day all counts are null, and a ratio also where nobody was active.
    """
    day, newest = pl.col("day"), pl.lit(complete_through, pl.Date)
    actives = person_day.select("person_id", "day").unique()
    days = actives.select(
        day=pl.date_ranges(pl.col("day").min(), pl.max_horizontal(pl.col("day").max(), newest), closed="both")
    ).explode("day")
    counts = days.drop_nulls()
    for name, length in (("dau", 1), ("wau", WEEK_DAYS), ("mau", MONTH_DAYS)):
        counts = counts.join(_within(actives, length).rename({"persons": name}), on="day", how="left")
    figures = pl.col("dau", "wau", "mau")
    return (
        counts.with_columns(is_complete=(day <= newest).fill_null(value=False))
        .with_columns(pl.when("is_complete").then(figures.fill_null(0)))
        .with_columns(dau_wau=_share("wau"), dau_mau=_share("mau"))
        .select(ACTIVE_PERSONS.names())
        .cast(ACTIVE_PERSONS)
    )


def _within(actives: pl.LazyFrame, length: int) -> pl.LazyFrame:
    """`day, persons`: how many were active in the `length` days that end with each day, where anybody was.

    A person counts from each active day on for `length` days, or until the next active day.
    """
    day = pl.col("day")
    next_day = day.shift(-1).over("person_id", order_by="day")
    return (
        actives.with_columns(days=pl.min_horizontal((next_day - day).dt.total_days(), pl.lit(length)))
        .group_by("day", "days")
        .agg(persons=pl.len())
        .with_columns(day=pl.date_ranges(day, day + pl.duration(days=pl.col("days")), closed="left"))
        .explode("day")
        .group_by("day")
        .agg(pl.col("persons").sum())
    )


def _share(of: str) -> pl.Expr:
    return pl.when(pl.col(of) > 0).then(pl.col("dau") / pl.col(of))
