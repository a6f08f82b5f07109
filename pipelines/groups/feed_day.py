"""Measured days of a group: a silent source is not a silent group."""

from __future__ import annotations

import polars as pl

from pipelines.events.of_feed import is_of_feed
from schemas.lake import FEED_DAY


def feed_day(events: pl.LazyFrame) -> pl.LazyFrame:
    """Find the days with any event of each source, heartbeats included (docs/definitions.md#life-of-a-group).

    Args:
        events: Columns of `schemas.lake.EVENTS`, distinct, in any order.

    Returns:
        `schemas.lake.FEED_DAY`: one row for each source and day with any event; notes do not count.
    """
    return events.filter(is_of_feed()).select(FEED_DAY.columns.keys()).unique()


def measured_days(group_day: pl.LazyFrame, feed_day: pl.LazyFrame) -> pl.LazyFrame:
    """Find the measured days of each group: those on which its activity, or the lack of it, is known.

    The connectors of a group are the sources that have sent events of its chat so far; a day is measured if any of them
    sent any event. So a new connector measures a group from its first event on, and later days do not change which days
    are measured.

    Args:
        group_day: `schemas.lake.GROUP_DAY`.
        feed_day: `schemas.lake.FEED_DAY`.

    Returns:
        `group_id` and `day`, distinct.
    """
    connectors = group_day.drop_nulls("source").group_by("group_id", "source").agg(from_day=pl.col("day").min())
    return (
        connectors.join(feed_day.select("source", "day"), on="source")
        .filter(pl.col("day") >= pl.col("from_day"))
        .select("group_id", "day")
        .unique()
    )
