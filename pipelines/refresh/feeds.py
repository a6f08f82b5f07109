"""`feed_day`: the days that new events touched, of every source."""

from __future__ import annotations

import polars as pl

from pipelines.groups.feed_day import feed_day
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT, Changes, Sources
from pipelines.refresh.rebuilds import rebuild_of
from pipelines.refresh.written import Refreshed, noted, unchanged, write
from schemas.lake import FEED_DAY


def feed_inputs(sources: Sources) -> dict[str, int]:
    """What `feed_day` records: the newest batch of events."""
    return {BATCH_INPUT: sources.positions()[BATCH_INPUT]}


def refresh_feed_days(lake: Lake) -> Refreshed:
    """Recompute the days of which events came or were replaced. Persons have no part in it."""
    handle, sources = lake.open(FEED_DAY), Sources.of(lake)
    rebuild = rebuild_of(lake, handle)
    positions, seen = sources.positions(), feed_inputs(sources) | rebuild.seen()
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    if done[BATCH_INPUT] is None or rebuild.is_whole:
        return write(lake, handle, feed_day(sources.events.scan()).collect(engine="streaming"), seen)
    marks = Changes.since(lake, sources, {**positions, **done}).marks
    days = marks["day"].unique()
    # A comparison with null holds of no row.
    is_since = (pl.col("day") >= pl.lit(rebuild.since, pl.Date)).fill_null(value=False)
    touched = pl.col("day").is_in(days.implode()) | is_since
    earliest = pl.lit(min(filter(None, [days.min(), rebuild.since]), default=None), pl.Date)
    near = (pl.col("month") >= earliest.dt.month_start()) & touched
    fresh = feed_day(sources.events.scan().filter(near)).collect(engine="streaming")
    return write(lake, handle, fresh, seen, Refreshed(is_changed=False, rows=0, days=len(days)), touched)
