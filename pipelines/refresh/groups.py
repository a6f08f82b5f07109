"""Refresh `group`: the groups that new events describe, and those whose birth may have changed."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.groups.birth import births
from pipelines.groups.group import group_table
from pipelines.lake import Lake
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import (
    Refreshed,
    in_groups,
    record_inputs,
    recorded_inputs,
    unchanged,
    write,
    write_groups,
)
from schemas.lake import GROUP

_EVENTS_AT_ONCE: Final = 5_000_000
"""Changed groups are processed in parts of about this many events, which bounds memory."""


def refresh_groups(lake: Lake) -> Refreshed:
    """Recompute the groups that changed. Events after a group's birth do not change its birth."""
    handle, sources = lake.open(GROUP), Sources.of(lake)
    rebuild = rebuild_due(lake, handle)
    seen = sources.positions() | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if None in done.values() or rebuild.is_whole:
        return write(lake, handle, _rebuilt(sources), seen)
    stored = handle.scan().collect(engine="streaming")
    groups = _changed_groups(sources, Changes.since(lake, sources, done), stored)
    if groups.is_empty():
        record_inputs(lake, handle, seen)
        return unchanged(handle)
    fresh = _groups(sources.timeline(sources.events.scan().filter(in_groups(groups))))
    return write_groups(lake, handle, fresh, seen, groups)


def _groups(events: pl.LazyFrame) -> pl.DataFrame:
    return group_table(events, births(events)).collect(engine="streaming")


def _rebuilt(sources: Sources) -> pl.DataFrame:
    n_parts = sources.n_parts(_EVENTS_AT_ONCE)
    part = pl.col("group_id").hash() % n_parts
    parts = (sources.timeline(sources.events.scan().filter(part == number)) for number in range(n_parts))
    return pl.concat([_groups(events) for events in parts])


def _changed_groups(sources: Sources, changes: Changes, stored: pl.DataFrame) -> pl.Series:
    """Return new groups, groups with changed attributes, and those with a change up to the day of their birth."""
    of_reassigned = (
        sources.reassigned_events(changes)
        .select("group_id", "day", describes_group=pl.lit(value=False))
        .unique()
        .collect(engine="streaming")
    )
    # In any zone, the day of birth is at most one day after that in UTC.
    last_day = pl.col("born_at").dt.date() + dt.timedelta(days=1)
    return (
        pl.concat([changes.log.select("group_id", "day", "describes_group"), of_reassigned])
        .drop_nulls("group_id")
        .join(stored.select("group_id", last_day=last_day), on="group_id", how="left")
        .filter(pl.col("describes_group") | pl.col("last_day").is_null() | (pl.col("day") <= pl.col("last_day")))
    )["group_id"].unique()
