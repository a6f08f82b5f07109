"""Daily acts of the company in groups, from which interventions are derived."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.engagement.activity import is_activity
from schemas import kinds
from schemas.lake import STAFF_ACT

WROTE_FIRST: Final = "wrote_first"
OPERATED: Final = "operated"
RED_PACKET: Final = "red_packet"
BROADCAST: Final = "broadcast"

_FIRST: Final = ("time", "source", "event_id")
_OF_DAY: Final = ("group_id", "day")


def staff_act(events: pl.LazyFrame) -> pl.LazyFrame:
    """Find what the company did in each group on each day (docs/definitions.md#interventions).

    Acts seen in the stream count once a day, by their first event: `wrote_first`, a message of an operator before any
    member was active on the day; `red_packet` and `broadcast` of operators and bots; `operated`, for each operator, any
    event in the group other than leaving it. Acts that people recorded as notes all count.

    Args:
        events: Columns of `schemas.lake.EVENTS`, distinct, in any order.

    Returns:
        `schemas.lake.STAFF_ACT`. The rows of a group and day depend only on the events of that group and day.
    """
    named = events.filter(pl.col("group_id").is_not_null())
    parts = (_wrote_first(named), *(_sent(named, kind) for kind in (RED_PACKET, BROADCAST)), _operated(named))
    seen = pl.concat([part.select(*_OF_DAY, "act", "account_id", *_FIRST) for part in parts])
    noted = named.filter(pl.col("type") == kinds.GROUP_INTERVENTION).select(
        *_OF_DAY, "account_id", *_FIRST, act="intervention", note="intervention_note", is_noted=pl.lit(value=True)
    )
    return (
        pl.concat([seen, noted], how="diagonal")
        .with_columns(pl.col("is_noted").fill_null(value=False), at="time", month=pl.col("day").dt.month_start())
        .select(STAFF_ACT.columns.keys())
        .cast(STAFF_ACT.schema)
    )


def _wrote_first(named: pl.LazyFrame) -> pl.LazyFrame:
    is_message = (pl.col("type") == kinds.MESSAGE_SENT) & (pl.col("role") == "operator")
    is_own_word = ~pl.col("message_kind").is_in(kinds.NOT_ENGAGEMENT).fill_null(value=False)
    active = named.filter(is_activity()).group_by(_OF_DAY).agg(active_at=pl.col("time").min())
    return (
        _first_of_day(named.filter(is_message & is_own_word))
        .join(active, on=_OF_DAY, how="left")
        .filter(pl.col("active_at").is_null() | (pl.col("time") < pl.col("active_at")))
        .with_columns(act=pl.lit(WROTE_FIRST))
    )


def _sent(named: pl.LazyFrame, kind: str) -> pl.LazyFrame:
    is_of_staff = (pl.col("type") == kinds.MESSAGE_SENT) & pl.col("role").is_in(["operator", "bot"])
    return _first_of_day(named.filter(is_of_staff & (pl.col("message_kind") == kind))).with_columns(act=pl.lit(kind))


def _operated(named: pl.LazyFrame) -> pl.LazyFrame:
    is_theirs = (pl.col("role") == "operator") & pl.col("account_id").is_not_null()
    is_there = ~pl.col("type").is_in([kinds.MEMBER_LEFT, kinds.GROUP_INTERVENTION])
    return _first_of_day(named.filter(is_theirs & is_there), "account_id").with_columns(act=pl.lit(OPERATED))


def _first_of_day(events: pl.LazyFrame, *beside: str) -> pl.LazyFrame:
    """Return the first event of each group, day and value of `beside`; equal times are ordered by source and id."""
    first = pl.struct(*_FIRST, "account_id").sort_by(_FIRST).first()
    if beside:
        first = pl.struct(_FIRST).sort_by(_FIRST).first()
    return events.group_by(*_OF_DAY, *beside).agg(first=first).unnest("first")
