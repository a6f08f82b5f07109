"""Joins, activations and retention of persons, and their stays in groups (docs/definitions.md#funnel, derived events).

Inputs have `rank`: the position of an event in the ordering key, so that events are compared by one integer.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.activity import is_activity
from schemas import kinds

ACTIVATION: Final = dt.timedelta(days=7)
"""Longest time from joining to an activating first activity: `[joined, joined + ACTIVATION)`."""

_THREAD: Final = ("person_id", "group_id")


def is_joining() -> pl.Expr:
    """Return whether an event is a `member.joined` of a member, not of an operator or bot."""
    return (pl.col("type") == kinds.MEMBER_JOINED) & (pl.col("role") == "member")


def milestones(own: pl.LazyFrame) -> pl.LazyFrame:
    """Find joins, activations and returns in a later week, per person and group.

    - joined: every join; and the first activity if there is no join before it. A join derived from snapshots happened
      within bounds: the person's first activity in the group within them counts as that join.
    - activated: the first activity after a join, within 7 days of it. If an activity counts as the join, the next one
      activates.
    - retained: the first activity in a calendar week (Monday, business zone) after the week of an activation.

    Args:
        own: `rank, person_id, group_id, type, role, message_kind, time, day, earliest_at` of persons' own events;
            `earliest_at` is from `pipelines.groups.member_change.with_derived`.

    Returns:
        `rank, person_id, group_id, joined, activated, retained`, a row per event that is any of the three.
    """
    threads = (
        own.filter(pl.col("group_id").is_not_null())
        .with_columns(is_activity().fill_null(value=False).alias("active"))
        .filter(pl.col("active") | is_joining())
        .select("rank", *_THREAD, "time", "active", "earliest_at", pl.col("day").dt.truncate("1w").alias("week"))
        .sort(*_THREAD, "rank")
        .with_columns(pl.struct(_THREAD).rle_id().alias("thread"))
        .with_columns(joined=(~pl.col("active") & ~_is_within_bounds()) | _differs("thread") | _stands_for_join())
        .with_columns(*_following("active", "rank", "time"))
    )
    activations = threads.filter(pl.col("joined") & (pl.col("next_time") < pl.col("time") + ACTIVATION)).select(
        pl.col("next_rank").alias("rank")
    )
    return_visits = (
        threads.filter("active")
        .with_columns((_differs("thread") | _differs("week")).alias("opens_week"))
        .with_columns(*_following("opens_week", "rank"))
        .join(activations, on="rank", how="semi")
        .select(pl.col("next_rank").alias("rank"))
        .drop_nulls()
    )
    marked = threads.select("rank", *_THREAD, "joined")
    for name, ranks in (("activated", activations), ("retained", return_visits)):
        mark = ranks.unique().with_columns(pl.lit(value=True).alias(name))
        marked = marked.join(mark, on="rank", how="left").with_columns(pl.col(name).fill_null(value=False))
    return marked.filter(pl.any_horizontal("joined", "activated", "retained"))


def memberships(joins: pl.LazyFrame, leaves: pl.LazyFrame) -> pl.LazyFrame:
    """Return the stays of persons in groups, half open in the ordering key and disjoint.

    A join opens a stay; the person's next join or leave in that group ends it.

    Args:
        joins: `rank, person_id, group_id` of joins.
        leaves: The same of leaves.

    Returns:
        `person_id, group_id, start, end`: ranks `[start, end)`; `end` is null while the person stays.
    """
    columns = ("rank", *_THREAD)
    return (
        pl.concat(
            [
                joins.select(*columns, pl.lit(value=True).alias("enters")),
                leaves.select(*columns, pl.lit(value=False).alias("enters")),
            ]
        )
        .sort(*_THREAD, "rank")
        .with_columns(pl.col("rank").shift(-1).over(_THREAD).alias("end"))
        .filter("enters")
        .select(*_THREAD, pl.col("rank").alias("start"), "end")
    )


def _time_before() -> pl.Expr:
    """Return the time of the previous row of the same person and group; null if there is none."""
    return pl.when(~_differs("thread")).then(pl.col("time").shift(1))


def _is_within_bounds() -> pl.Expr:
    """Return whether another row within the bounds of a derived join already shows that the person was in the group."""
    return (~pl.col("active") & (_time_before() > pl.col("earliest_at"))).fill_null(value=False)


def _stands_for_join() -> pl.Expr:
    """Return whether a row is the first activity within the bounds of the next derived join."""
    is_derived = ~pl.col("active") & pl.col("earliest_at").is_not_null()
    bound = pl.when(pl.when(is_derived).then("thread").backward_fill() == pl.col("thread")).then(
        pl.when(is_derived).then("earliest_at").backward_fill()
    )
    is_first = (_time_before() <= bound).fill_null(value=True)
    return (pl.col("active") & (pl.col("time") > bound) & is_first).fill_null(value=False)


def _differs(column: str) -> pl.Expr:
    return pl.col(column).ne_missing(pl.col(column).shift(1))


def _following(flag: str, *columns: str) -> list[pl.Expr]:
    """Return `next_<column>` of the next row of the same person and group with the flag; null if there is none."""
    same_thread = _next(flag, "thread") == pl.col("thread")
    return [pl.when(same_thread).then(_next(flag, c)).alias(f"next_{c}") for c in columns]


def _next(flag: str, column: str) -> pl.Expr:
    return pl.when(flag).then(pl.col(column)).shift(-1).backward_fill()
