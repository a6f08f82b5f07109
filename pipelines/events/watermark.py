"""The watermark: the time up to which data is complete (docs/definitions.md#time)."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.events.of_feed import is_of_feed


def watermark(events: pl.LazyFrame, lateness: dt.timedelta, idle_timeout: dt.timedelta) -> dt.datetime | None:
    """Return the time up to which events are taken to be complete, UTC; None without events.

    The minimum over live sources of their newest event time, minus the allowed lateness. A source whose newest event is
    more than `idle_timeout` older than that of the newest source no longer holds the watermark back. Notes do not
    count.
    """
    of_sources = events.filter(is_of_feed()).group_by("source").agg(pl.col("time").max())
    newest = of_sources.select("time").collect(engine="streaming")["time"]
    latest = newest.max()
    if not isinstance(latest, dt.datetime):
        return None
    live = newest.filter(newest >= latest - idle_timeout).min()
    assert isinstance(live, dt.datetime)  # noqa: S101 - `latest` is live
    return live - lateness
