"""Who joined and left groups: events say it exactly, the difference of two snapshots within bounds.

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
    """True for joins, leaves and snapshots that list anybody; an empty list is no evidence that all left."""
    is_snapshot = (pl.col("type") == kinds.GROUP_SNAPSHOT) & (pl.col("members").list.len() > 0)
    return pl.col("group_id").is_not_null() & (pl.col("type").is_in(list(CHANGES)) | is_snapshot)


def with_derived(events: pl.LazyFrame, changes: pl.LazyFrame) -> pl.LazyFrame:
    """Put the joins and leaves that snapshots imply beside the events, as if they were events of their own.

    Those that events say are not taken from `changes`, so none counts twice. A derived one has the source, the id and
    the place of the snapshot that shows it; its account is another one than that of every event of this id.

    Args:
        events: columns of `schemas.lake.EVENTS`.
        changes: `schemas.lake.MEMBER_CHANGE` of these events.

    Returns:
        The events, and `earliest_at`: the instant after which a derived join or leave happened, null of an event.
    """
    derived = changes.filter("is_derived").select(
        *_PLACE, *_ACCOUNT, "month", "role", "time_quality", "earliest_at", type=_kind()
    )
    return pl.concat([events, derived], how="diagonal")


def _kind() -> pl.Expr:
    return pl.col("change").replace_strict(_KINDS, return_dtype=pl.String)


def member_change(events: pl.LazyFrame) -> pl.LazyFrame:
    """Unite the joins and leaves of events with those that snapshots imply (docs/definitions.md#joins-and-leaves).

    What is last known of an account, by an event or by a snapshot, holds until a snapshot contradicts it: then it
    joined or left after the one and up to the other. Before the first snapshot of a group nothing is known of accounts
    without an event, so those that it lists have not joined then.

    Args:
        events: columns of `schemas.lake.EVENTS`, distinct, in any order: of some groups, all joins, leaves, snapshots.

    Returns:
        `schemas.lake.MEMBER_CHANGE`.
    """
    known = events.filter(is_of_membership()).sort("group_id", *ORDERING_KEY)
    is_snapshot = pl.col("type") == kinds.GROUP_SNAPSHOT
    # `number` counts the snapshots of the group up to a row, that row among them.
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
            # The newest snapshot before the next row; the newest of all where there is none.
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
    """Who was in a group and is missing in the next snapshot, which comes before anything else of the account."""
    is_next = pl.col("absent_to").is_null() | (pl.col("absent_from") <= pl.col("absent_to"))
    return (
        rows.filter(pl.col("is_in") & is_next)
        .join(snapshots, left_on=["group_id", "absent_from"], right_on=["group_id", "number"])
        .with_columns(earliest_at="time", change=pl.lit("left"), **_at_snapshot())
    )


def _joined(rows: pl.LazyFrame, snapshots: pl.LazyFrame) -> pl.LazyFrame:
    """Who a snapshot lists and was out before: by the snapshot before it, or by a leave since that."""
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
    """What is derived happened by the time of the snapshot that shows it."""
    return {
        **{name: pl.col(f"{_OF_SNAPSHOT}{name}") for name in _PLACE},
        "time_quality": pl.lit("bound"),
        "is_derived": pl.lit(value=True),
    }
