"""The lake table `retention`: of the persons first active in a period, how many were active in each period since."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.calendar import Unit, is_complete, unit_start, unit_starts, units_between
from schemas.lake import RETENTION


def retention_table(
    first_seen: pl.LazyFrame,
    person_day: pl.LazyFrame,
    unit: Unit,
    complete_through: dt.date | None,
) -> pl.LazyFrame:
    """Count persons by cohort and by calendar periods since, mode `on` (docs/definitions.md#engagement).

    A person's cohort is the period of the first activity ever, in any group. `cohort_size` counts the cohort's persons,
    also while its period is incomplete; `active` of period 0 is counted from activity like that of other periods.

    Args:
        first_seen: `schemas.lake.FIRST_SEEN` over all history.
        person_day: `schemas.lake.PERSON_DAY` over all history.
        unit: Length of cohorts and periods.
        complete_through: Last complete day, None if no day is complete.

    Returns:
        `schemas.lake.RETENTION`: for every cohort with a person a row per period, without gaps, up to the one that
        contains the newer of `complete_through` and the last day with activity. `active` is 0 in a complete period
        without active persons and null in an incomplete one.
    """
    active = retention_counts(first_seen, person_day, unit)
    return retention_rows(first_seen, active, person_day.select(pl.col("day").max()), unit, complete_through)


def retention_counts(first_seen: pl.LazyFrame, person_day: pl.LazyFrame, unit: Unit) -> pl.LazyFrame:
    """Count the active persons of each cohort in the periods of `person_day`: `cohort, start, active`.

    Args:
        first_seen: `person_id, first_day` over all history.
        person_day: `person_id, day`, in whole periods.
        unit: Length of cohorts and periods.
    """
    return (
        person_day.select("person_id", start=unit_start(pl.col("day"), unit))
        .unique()
        .join(_cohorts(first_seen, unit), on="person_id")
        .group_by("cohort", "start")
        .agg(active=pl.len())
    )


def retention_rows(
    first_seen: pl.LazyFrame,
    active: pl.LazyFrame,
    last_day: pl.LazyFrame,
    unit: Unit,
    complete_through: dt.date | None,
) -> pl.LazyFrame:
    """Return a row per cohort and period from the counts; see `retention_table`.

    Args:
        first_seen: `person_id, first_day` over all history.
        active: Result of `retention_counts`.
        last_day: One row `day`: the last day with activity.
        unit: Length of cohorts and periods.
        complete_through: Last complete day, None if no day is complete.

    Returns:
        `schemas.lake.RETENTION`.
    """
    newest_day = pl.max_horizontal(pl.col("day"), pl.lit(complete_through, pl.Date))
    is_over = is_complete(pl.col("start"), unit, complete_through)
    return (
        _cohorts(first_seen, unit)
        .group_by("cohort")
        .agg(cohort_size=pl.len())
        .join(last_day.select(newest=unit_start(newest_day, unit)), how="cross")
        .with_columns(start=unit_starts(pl.col("cohort"), pl.col("newest"), unit))
        .explode("start")
        .join(active, on=["cohort", "start"], how="left")
        .with_columns(
            unit=pl.lit(unit),
            period=units_between(pl.col("cohort"), pl.col("start"), unit),
            active=pl.when(is_over).then(pl.col("active").fill_null(0)),
            is_complete=is_over,
        )
        .select(RETENTION.columns.keys())
        .cast(RETENTION.schema)
    )


def _cohorts(first_seen: pl.LazyFrame, unit: Unit) -> pl.LazyFrame:
    return first_seen.group_by("person_id").agg(cohort=unit_start(pl.col("first_day").min(), unit))
