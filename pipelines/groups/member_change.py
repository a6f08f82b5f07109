"""Joins and leaves of groups: exact ones from events, and ones with bounds derived from two snapshots.

Facts read both from one frame, `with_derived`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import kinds
from schemas.lake import MEMBER_CHANGE, ORDERING_KEY

_ACCOUNT: Final = ("group_id", "account_id")
_PLACE: Final = ("source", "event_id", *ORDERING_KEY, "coverage", "day")
_FOUND: Final = (*_PLACE, *_ACCOUNT, "change", "role", "earliest_at", "time_quality", "is_derived")

CHANGES: Final = {kinds.MEMBER_JOINED: "joined", kinds.MEMBER_LEFT: "left"}
_OF_SNAPSHOT: Final = "snapshot_"
_KINDS: Final = {change: kind for kind, change in CHANGES.items()}


def is_of_membership() -> pl.Expr:
    """True for joins, leaves and non-empty snapshots; an empty list is no evidence that all left."""
    is_snapshot = (pl.col("type") == kinds.GROUP_SNAPSHOT) & (pl.col("members").list.len() > 0)
    return pl.col("group_id").is_not_null() & (pl.col("type").is_in(list(CHANGES)) | is_snapshot)


def with_derived(events: pl.LazyFrame, changes: pl.LazyFrame) -> pl.LazyFrame:
    """Add the joins and leaves derived from snapshots to the events, as events of their own.

    Only derived rows of `changes` are added, so nothing counts twice. A derived event has the source, the id and the
    position of its snapshot; no other event with this id has its account.

    Args:
        events: columns of `schemas.lake.EVENTS`.
        changes: `schemas.lake.MEMBER_CHANGE` of these events.

    Returns:
        The events, and `earliest_at`: the instant after which a derived join or leave happened, null for an event.
    """
    derived = changes.filter("is_derived").select(
        *_PLACE, *_ACCOUNT, "month", "role", "time_quality", "earliest_at", type=_kind()
    )
    return pl.concat([events, derived], how="diagonal")


def _kind() -> pl.Expr:
    return pl.col("change").replace_strict(_KINDS, return_dtype=pl.String)


def member_change(events: pl.LazyFrame) -> pl.LazyFrame:
    """Unite the joins and leaves of events with those derived from snapshots (docs/definitions.md#joins-and-leaves).

    The last known membership of an account, by an event or a snapshot, holds until a snapshot contradicts it: then the
    account joined or left between the two. Before the first snapshot of a group, the membership of accounts without an
    event is unknown, so the first snapshot derives no joins.

    Args:
        events: columns of `schemas.lake.EVENTS`, distinct, in any order: joins, leaves and snapshots of some groups.

    Returns:
        `schemas.lake.MEMBER_CHANGE`.
    """
    known = events.filter(is_of_membership()).sort("group_id", *ORDERING_KEY)
    is_snapshot = pl.col("type") == kinds.GROUP_SNAPSHOT
    # `number` counts the snapshots of the group up to and including a row.
    ranked = known.with_row_index("rank").with_columns(
        number=is_snapshot.cast(pl.Int64).cum_sum().over("group_id"), is_listing=is_snapshot
    )
    snapshots = ranked.filter("is_listing").select("group_id", "number", pl.col(_PLACE).name.prefix(_OF_SNAPSHOT))
    columns = (*_ACCOUNT, "rank", "number", "is_listing", "type", "role", *_PLACE)
    listings = (
        ranked.filter("is_listing")
        .drop("account_id", "role")
        .explode("members")
        .with_columns(account_id=pl.col("members").struct.field("id"), role=pl.col("members").struct.field("role"))
        .unique(("rank", "account_id"), keep="first", maintain_order=True)
    )
    seen = ranked.filter(~pl.col("is_listing"))
    quality = (*columns, "time_quality")
    rows = (
        pl.concat([seen.select(quality), listings.select(quality)])
        .filter(pl.col("account_id").is_not_null())
        .sort(*_ACCOUNT, "rank")
        .with_columns(is_in=pl.col("is_listing") | (pl.col("type") == kinds.MEMBER_JOINED))
        .with_columns(
            absent_from=pl.col("number") + 1,
            # The newest snapshot before the next row; without a next row, the newest of all.
            absent_to=(pl.col("number") - pl.col("is_listing").cast(pl.Int64)).shift(-1).over(_ACCOUNT),
            before_in=pl.col("is_in").shift(1).over(_ACCOUNT),
            before_at=pl.col("time").shift(1).over(_ACCOUNT),
            before_number=pl.col("number").shift(1).over(_ACCOUNT).fill_null(0),
        )
    )
    changes = (_seen(rows), _left(rows, snapshots), _joined(rows, snapshots))
    return (
        pl.concat([part.select(_FOUND) for part in changes])
        .with_columns(month=pl.col("day").dt.month_start())
        .select(MEMBER_CHANGE.columns.keys())
        .cast(MEMBER_CHANGE.schema)
    )


def _seen(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.filter(~pl.col("is_listing")).with_columns(
        change=pl.col("type").replace_strict(CHANGES, return_dtype=pl.String),
        earliest_at="time",
        is_derived=pl.lit(value=False),
    )


def _left(rows: pl.LazyFrame, snapshots: pl.LazyFrame) -> pl.LazyFrame:
    """Find accounts that were in a group and are missing in the next snapshot, without an event in between."""
    is_next = pl.col("absent_to").is_null() | (pl.col("absent_from") <= pl.col("absent_to"))
    return (
        rows.filter(pl.col("is_in") & is_next)
        .join(snapshots, left_on=["group_id", "absent_from"], right_on=["group_id", "number"])
        .with_columns(earliest_at="time", change=pl.lit("left"), **_at_snapshot())
    )


def _joined(rows: pl.LazyFrame, snapshots: pl.LazyFrame) -> pl.LazyFrame:
    """Find accounts that a snapshot lists and that were out before: by the snapshot before it, or by a later leave."""
    was_missing = pl.col("number") - 1 > pl.col("before_number")
    previous = snapshots.select("group_id", previous=pl.col("number") + 1, previous_at=f"{_OF_SNAPSHOT}time")
    return (
        rows.filter(pl.col("is_listing") & (was_missing | (pl.col("before_in") == pl.lit(value=False))))
        .join(previous, left_on=["group_id", "number"], right_on=["group_id", "previous"], how="left")
        .join(snapshots, on=["group_id", "number"])
        .with_columns(earliest_at=pl.when(was_missing).then("previous_at").otherwise("before_at"))
        .with_columns(change=pl.lit("joined"), **_at_snapshot())
    )


def _at_snapshot() -> dict[str, pl.Expr]:
    """Return the columns of a derived event: the time is that of its snapshot."""
    return {
        **{name: pl.col(f"{_OF_SNAPSHOT}{name}") for name in _PLACE},
        "time_quality": pl.lit("bound"),
        "is_derived": pl.lit(value=True),
    }
