"""Refresh facts of whole days, such as `feed_day`, on the days of new events."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipelines.groups.feed_day import feed_day
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT, batch_input, change_log_since
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, recorded_inputs, unchanged, write
from schemas.lake import EVENTS, FEED_DAY, LakeTable


def refresh_feed_days(lake: Lake) -> Refreshed:
    """Recompute which sources have events, on the days with new or replaced events."""
    return refresh_days_of_all(lake, FEED_DAY, feed_day)


def refresh_days_of_all(lake: Lake, table: LakeTable, compute: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Refreshed:
    """Recompute the days with new or replaced events. The fact must not depend on persons.

    Args:
        lake: The lake with the fact, `events` and `touched`.
        table: A fact with `day`, not partitioned.
        compute: Events -> rows of the fact; each row depends only on the events of its day.
    """
    handle, events = lake.open(table), lake.open(EVENTS)
    rebuild = rebuild_due(lake, handle)
    seen = batch_input(events) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if done[BATCH_INPUT] is None or rebuild.is_whole:
        return write(lake, handle, compute(events.scan()).collect(engine="streaming"), seen)
    days = change_log_since(lake, done[BATCH_INPUT])["day"].unique()
    # A comparison with null matches no row.
    is_since = (pl.col("day") >= pl.lit(rebuild.since, pl.Date)).fill_null(value=False)
    changed = pl.col("day").is_in(days.implode()) | is_since
    earliest = pl.lit(min(filter(None, [days.min(), rebuild.since]), default=None), pl.Date)
    near = (pl.col("month") >= earliest.dt.month_start()) & changed
    fresh = compute(events.scan().filter(near)).collect(engine="streaming")
    return write(lake, handle, fresh, seen, Refreshed(is_changed=False, rows=0, days=len(days)), changed)
