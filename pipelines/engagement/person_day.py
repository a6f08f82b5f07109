"""Days on which persons were active; first activity, retention and lifecycle are computed from it."""

from __future__ import annotations

import polars as pl

from pipelines.engagement.activity import is_activity, is_member_message
from schemas.lake import PERSON_DAY


def person_day(events: pl.LazyFrame) -> pl.LazyFrame:
    """Count a person's own messages and reactions per group and day.

    See docs/definitions.md#engagement.

    Args:
        events: Columns of `schemas.lake.EVENTS` plus `person_id`, distinct, in any order.

    Returns:
        `schemas.lake.PERSON_DAY`: a row for each person, group and day with any activity. `replies`
        are among `messages`.
    """
    written = is_member_message()
    return (
        events.filter(is_activity())
        .group_by("person_id", "group_id", "day")
        .agg(
            messages=written.sum(),
            replies=(written & pl.col("reply_to").is_not_null()).sum(),
            reactions=(~written).sum(),
            first_time=pl.col("time").min(),
            last_time=pl.col("time").max(),
        )
        .with_columns(month=pl.col("day").dt.month_start())
        .select(PERSON_DAY.columns.keys())
        .cast(PERSON_DAY.schema)
    )
