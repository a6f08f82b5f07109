"""`feed_day`: the days that new events touched, of every source."""

from __future__ import annotations

import polars as pl

from pipelines.groups.feed_day import feed_day
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT, Changes, Sources
from pipelines.refresh.written import Refreshed, noted, unchanged, write
from schemas.lake import FEED_DAY


def refresh_feed_days(lake: Lake) -> Refreshed:
    """Recompute the days of which events came or were replaced. Persons have no part in it."""
    handle, sources = lake.open(FEED_DAY), Sources.of(lake)
    positions = sources.positions()
    seen = {BATCH_INPUT: positions[BATCH_INPUT]}
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    if done[BATCH_INPUT] is None:
        return write(lake, handle, feed_day(sources.events.scan()).collect(engine="streaming"), seen)
    marks = Changes.since(lake, sources, {**positions, **done}).marks
    days = marks["day"].unique()
    touched = pl.col("day").is_in(days.implode())
    near = pl.col("month").is_in(days.dt.month_start().unique().implode()) & touched
    fresh = feed_day(sources.events.scan().filter(near)).collect(engine="streaming")
    return write(lake, handle, fresh, seen, Refreshed(is_changed=False, rows=0, days=len(days)), touched)
