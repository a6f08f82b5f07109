"""When persons were first active: cohorts need all of history, not the range of a report."""

from __future__ import annotations

import polars as pl

from schemas.lake import FIRST_SEEN


def first_seen(person_day: pl.LazyFrame) -> pl.LazyFrame:
    """Find each person's first activity in each group (docs/definitions.md#engagement and trap 10).

    Args:
        person_day: `schemas.lake.PERSON_DAY` over all history.

    Returns:
        `schemas.lake.FIRST_SEEN`: a row for each person and group.
    """
    return (
        person_day.group_by("person_id", "group_id")
        .agg(first_time=pl.col("first_time").min(), first_day=pl.col("day").min())
        .select(FIRST_SEEN.columns.keys())
    )
