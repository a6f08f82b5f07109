"""Which days of a group are measured: a silent feed is not a silent group."""

from __future__ import annotations

import polars as pl

from pipelines.events.of_feed import is_of_feed
from schemas.lake import FEED_DAY


def feed_day(events: pl.LazyFrame) -> pl.LazyFrame:
    """Find the days on which each source told anything, be it a heartbeat (docs/definitions.md#life-of-a-group).

    Args:
        events: Columns of `schemas.lake.EVENTS`, distinct, in any order.

    Returns:
        `schemas.lake.FEED_DAY`: a row for each source and day with any event but notes.
    """
    return events.filter(is_of_feed()).select(FEED_DAY.columns.keys()).unique()


def measured_days(group_day: pl.LazyFrame, feed_day: pl.LazyFrame) -> pl.LazyFrame:
    """Find the days on which what happened in a group is known, though it be nothing.

    A group's connectors are the sources that told of its chat so far; a day is measured where one of them told
    anything at all. So a connector that takes a group over measures it from then on, and what is measured on a day
    does not depend on later days.

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
