"""`member_change`: the groups that new events touched."""

from __future__ import annotations

import polars as pl

from pipelines.groups.member_change import is_of_membership, member_change
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import BATCH_INPUT, batch_input, marks_since, n_parts
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, note, noted, unchanged, write
from schemas.lake import EVENTS, MEMBER_CHANGE

_LISTED_AT_ONCE = 5_000_000
"""Groups are taken in so many parts that each lists about so many members: it bounds memory."""


def refresh_member_changes(lake: Lake) -> Refreshed:
    """Recompute the groups of which events came or were replaced: a late snapshot changes what the next one implies.

    Persons have no part in it: a row is of an account.
    """
    handle, events = lake.open(MEMBER_CHANGE), lake.open(EVENTS)
    rebuild = rebuild_due(lake, handle)
    seen = batch_input(events) | rebuild.seen()
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    if done[BATCH_INPUT] is None or rebuild.is_whole:
        return write(lake, handle, _computed(events, pl.lit(value=True)), seen)
    groups = marks_since(lake, done[BATCH_INPUT])["group_id"].drop_nulls().unique()
    if groups.is_empty():
        note(lake, handle, seen)
        return unchanged(handle)
    touched = pl.col("group_id").is_in(groups.implode())
    counted = Refreshed(is_changed=False, rows=0, groups=len(groups))
    return write(lake, handle, _computed(events, touched), seen, counted, touched)


def _computed(events: Handle, touched: pl.Expr) -> pl.DataFrame:
    wanted = events.scan().filter(touched & is_of_membership())
    listed = pl.col("members").list.len().fill_null(1).sum()
    parts = n_parts(wanted.select(listed).collect(engine="streaming").item(), _LISTED_AT_ONCE)
    part = pl.col("group_id").hash() % parts
    return pl.concat(
        member_change(wanted.filter(part == number)).collect(engine="streaming") for number in range(parts)
    )
