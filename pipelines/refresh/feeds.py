"""`feed_day`: the days that new events touched, of every source."""

from __future__ import annotations

import polars as pl

from pipelines.groups.feed_day import feed_day
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT, batch_input, marks_since
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, noted, unchanged, write
from schemas.lake import EVENTS, FEED_DAY


def refresh_feed_days(lake: Lake) -> Refreshed:
    """Recompute the days of which events came or were replaced. Persons have no part in it."""
    handle, events = lake.open(FEED_DAY), lake.open(EVENTS)
    rebuild = rebuild_due(lake, handle)
    seen = batch_input(events) | rebuild.seen()
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    if done[BATCH_INPUT] is None or rebuild.is_whole:
        return write(lake, handle, feed_day(events.scan()).collect(engine="streaming"), seen)
    days = marks_since(lake, done[BATCH_INPUT])["day"].unique()
    # A comparison with null holds of no row.
    is_since = (pl.col("day") >= pl.lit(rebuild.since, pl.Date)).fill_null(value=False)
    touched = pl.col("day").is_in(days.implode()) | is_since
    earliest = pl.lit(min(filter(None, [days.min(), rebuild.since]), default=None), pl.Date)
    near = (pl.col("month") >= earliest.dt.month_start()) & touched
    fresh = feed_day(events.scan().filter(near)).collect(engine="streaming")
    return write(lake, handle, fresh, seen, Refreshed(is_changed=False, rows=0, days=len(days)), touched)
