"""Refresh `member_change`: groups with new joins, leaves or snapshots."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.groups.member_change import is_of_membership, member_change
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import BATCH_INPUT, batch_input, change_log_since, n_parts
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, in_groups, record_inputs, recorded_inputs, unchanged, write_groups
from schemas.lake import EVENTS, MEMBER_CHANGE, TOUCHED

_LISTED_AT_ONCE: Final = 5_000_000
"""Groups are processed in parts of about this many listed members, which bounds memory."""

_DAY: Final = dt.timedelta(days=1)


def refresh_member_changes(lake: Lake) -> Refreshed:
    """Recompute groups with changed joins, leaves or snapshots: a late snapshot changes what the next one implies.

    It does not depend on persons: rows are of accounts. Changed derived joins and leaves are logged in `touched` before
    they are stored, for the facts that read them: they may be on other days than new events.
    """
    handle, events = lake.open(MEMBER_CHANGE), lake.open(EVENTS)
    rebuild = rebuild_due(lake, handle)
    seen = batch_input(events) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    groups = None
    if (before := done[BATCH_INPUT]) is not None and not rebuild.is_whole:
        groups = _changed_groups(lake, events, before)
        if groups.is_empty():
            record_inputs(lake, handle, seen)
            return unchanged(handle)
    fresh = _computed(events, in_groups(groups))
    _log_changes(lake, handle.scan().filter(in_groups(groups)), fresh, seen[BATCH_INPUT])
    return write_groups(lake, handle, fresh, seen, groups)


def _changed_groups(lake: Lake, events: Handle, done: int) -> pl.Series:
    """Return the groups with new joins, leaves or snapshots, and those that lost an event, whose kind is unknown."""
    of_new = events.scan().filter((pl.col("batch") > done) & is_of_membership()).select("group_id")
    lost = change_log_since(lake, done).filter("describes_group").select("group_id")
    return pl.concat([of_new.collect(engine="streaming"), lost])["group_id"].drop_nulls().unique()


def _computed(events: Handle, changed: pl.Expr) -> pl.DataFrame:
    wanted = events.scan().filter(changed & is_of_membership())
    listed = pl.col("members").list.len().fill_null(1).sum()
    parts = n_parts(wanted.select(listed).collect(engine="streaming").item(), _LISTED_AT_ONCE)
    part = pl.col("group_id").hash() % parts
    return pl.concat(
        member_change(wanted.filter(part == number)).collect(engine="streaming") for number in range(parts)
    )


def _log_changes(lake: Lake, stored: pl.LazyFrame, fresh: pl.DataFrame, batch: int) -> None:
    """Log the days of added and removed derived joins and leaves, from the start of their bounds on."""
    before = stored.filter("is_derived").select(MEMBER_CHANGE.schema.names()).collect(engine="streaming")
    differing = in_one_only(before, fresh.filter("is_derived"))
    if differing.is_empty():
        return
    # A day of the business zone may start before that of UTC.
    days = (pl.col("day"), pl.col("earliest_at").dt.date() - _DAY)
    flags = ("reaches_group", "describes_group", "links", "unlinks")
    logged = pl.concat(
        differing.select(
            "group_id",
            "account_id",
            batch=pl.lit(batch, pl.Int64),
            day=day,
            order_id=pl.lit(None, pl.String),
            **dict.fromkeys(flags, pl.lit(value=False)),
        )
        for day in days
    )
    lake.append(lake.open(TOUCHED), logged.select(TOUCHED.schema.names()).unique(), {})
