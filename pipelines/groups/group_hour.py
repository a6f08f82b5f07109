"""Hourly counts of messages and reactions in groups."""

from __future__ import annotations

import polars as pl

from pipelines.engagement.activity import is_activity, is_member_message
from schemas import kinds
from schemas.lake import GROUP_HOUR


def group_hour(events: pl.LazyFrame, zone: str) -> pl.LazyFrame:
    """Count members' messages and reactions, and messages of operators and bots, by hour of the business zone.

    Args:
        events: Columns of `schemas.lake.EVENTS`, distinct, in any order.
        zone: IANA name of the business zone.

    Returns:
        `schemas.lake.GROUP_HOUR`: one row for each group, day and hour with any of these. Where clocks are put back,
        two hours of a day have the same number and share a row.
    """
    written, role = is_member_message(), pl.col("role")
    is_staff = (pl.col("type") == kinds.MESSAGE_SENT) & role.is_in(kinds.STAFF)
    return (
        events.filter(pl.col("group_id").is_not_null() & (is_activity() | is_staff))
        .group_by("group_id", "day", hour=pl.col("time").dt.convert_time_zone(zone).dt.hour())
        .agg(messages=written.sum(), reactions=(is_activity() & ~written).sum(), staff_messages=is_staff.sum())
        .with_columns(month=pl.col("day").dt.month_start())
        .select(GROUP_HOUR.columns.keys())
        .cast(GROUP_HOUR.schema)
    )
