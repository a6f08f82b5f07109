"""How far the data is complete (docs/definitions.md#time)."""

from __future__ import annotations

import datetime as dt

import polars as pl


def watermark(events: pl.LazyFrame, lateness: dt.timedelta, idle_timeout: dt.timedelta) -> dt.datetime | None:
    """The instant up to which events are taken to be complete, UTC; None without events.

    The minimum over live sources of their newest event time, minus the allowed lateness. A source whose newest event is
    more than `idle_timeout` older than that of the newest source no longer holds the watermark back.
    """
    newest = events.group_by("source").agg(pl.col("time").max()).select("time").collect(engine="streaming")["time"]
    latest = newest.max()
    if not isinstance(latest, dt.datetime):
        return None
    live = newest.filter(newest >= latest - idle_timeout).min()
    assert isinstance(live, dt.datetime)  # noqa: S101 - `latest` is live
    return live - lateness
