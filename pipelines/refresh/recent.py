"""Queries on all events that need to read only recent ones, or only sources."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.events.of_feed import is_of_feed
from pipelines.lake import Handle, Lake
from pipelines.lake_months import months_of
from schemas.lake import EVENTS


def recent_events(events: Handle, span: dt.timedelta) -> pl.LazyFrame:
    """Return events of whole months that include all events up to `span` before the newest one of a source."""
    for month in sorted(months_of(events), reverse=True):
        of_month = events.scan().filter(pl.col("month") == month, is_of_feed())
        newest = of_month.select(pl.col("time").max()).collect().item()
        # The newest months may have notes only.
        if newest is not None:
            # A day of the business zone may start before that of UTC.
            first = (newest - span - dt.timedelta(days=1)).date().replace(day=1)
            return events.scan().filter(pl.col("month") >= first)
    return events.scan()


def has_simulated(lake: Lake) -> bool:
    """Return whether any event comes from the simulator, whose sources begin with `simulator/`."""
    sources = lake.open(EVENTS).scan().select("source")
    return sources.filter(pl.col("source").str.starts_with("simulator/")).head(1).collect().height > 0
