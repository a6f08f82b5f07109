"""`member_state`: all groups when another day is complete, else those in which something changed before its end."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.states import member_state
from pipelines.lake import Lake
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas.lake import MEMBER_STATE


def refresh_member_state(lake: Lake, through: dt.date | None, settings: int) -> Refreshed:
    """Recompute the groups of late events and of merged persons; all of them with another day or other rules.

    Args:
        lake: holds the fact and what it follows.
        through: last complete day, which the fact is of.
        settings: fingerprint of the rules.
    """
    handle, sources = lake.open(MEMBER_STATE), Sources.of(lake)
    whole = {input_id(SETTINGS): settings, input_id("through"): 0 if through is None else through.toordinal()}
    seen = {**sources.positions(), **whole}
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    stored = handle.scan().collect(engine="streaming")
    if any(done[name] != value for name, value in whole.items()):
        return write(lake, handle, _states(sources.timeline(), through), stored, seen)
    groups = _touched(sources, Changes.since(lake, sources, done), through)
    touched = pl.col("group_id").is_in(groups.implode())
    fresh = _states(sources.timeline(sources.events.scan().filter(touched)), through)
    rows = pl.concat([stored.filter(~touched), fresh])
    return write(lake, handle, rows, stored, seen, Refreshed(is_changed=False, rows=0, groups=len(groups)))


def _states(events: pl.LazyFrame, through: dt.date | None) -> pl.DataFrame:
    return member_state(events, through).collect(engine="streaming")


def _touched(sources: Sources, changes: Changes, through: dt.date | None) -> pl.Series:
    of_moved = (
        sources.events.scan()
        .filter(pl.col("account_id").is_in(changes.moved_accounts().implode()))
        .select("group_id", "day")
        .unique()
        .collect(engine="streaming")
    )
    found = pl.concat([changes.marks.select("group_id", "day"), of_moved])
    return found.filter(pl.col("day") <= pl.lit(through, pl.Date))["group_id"].drop_nulls().unique()
