"""States of members in their groups: newly active, active, paused, disengaged, returned, lurker, and more.

Based on TogetherCrew's member engagement (github.com/TogetherCrew/core-analyzer-lib, its thresholds and windows), with
this project's definition of activity: receiving a reply is not activity, silent days do not shift windows, and members
who left are not lurkers (docs/definitions.md#engagement).

Windows are those of `pipelines.engagement.connections`.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.connections import WINDOWS, window_of
from schemas import kinds
from schemas.lake import MEMBER_STATE, ORDERING_KEY

ENOUGH_WINDOWS: Final = 3
"""Minimum number of `WINDOWS` to be consistent or vital."""

NEWLY_ACTIVE: Final = "newly_active"
ACTIVE: Final = "active"
RETURNED: Final = "returned"
PAUSED: Final = "paused"
DISENGAGED: Final = "disengaged"
LURKER: Final = "lurker"

_MEMBER: Final = ("group_id", "person_id")


def member_state(
    events: pl.LazyFrame, person_day: pl.LazyFrame, connected: pl.LazyFrame, day: dt.date | None
) -> pl.LazyFrame:
    """Return the state of each person in each group at the end of a day.

    `state` is one of `newly_active` (active in window 0, never before), `active` (in window 0, and in 1 or 2),
    `returned` (in window 0 after at least two silent ones), `paused` (last active in window 1), `disengaged` (before
    that), `lurker` (joined, has not left, was never active). `is_consistent`: active in 3 of windows 0 to 3.
    `is_vital`: connected in 3 of them; a connected person was active and exchanged at least 5 answers (replies and
    reactions, in either direction) with each of at least 5 members. `is_still_active`: newly active two windows ago and
    active in both since. `is_dropped`: newly active one window ago and silent since. `is_about_to_disengage`: paused
    and not consistent.

    Args:
        events: Columns of `schemas.lake.EVENTS` plus `person_id`, distinct, in any order: of some persons; all events
            of those who were never active in a group that they may have joined.
        person_day: `schemas.lake.PERSON_DAY` of the same persons: the first and the last day in each group, and all in
            the windows.
        connected: Result of `pipelines.engagement.connections.connected`, at least for these persons.
        day: The newest complete day; None: no rows.

    Returns:
        `schemas.lake.MEMBER_STATE`: a row per person and group with activity, and per lurker.
    """
    until = pl.col("day") <= pl.lit(day, pl.Date)
    first, last = window_of(pl.col("first_active_day"), day), window_of(pl.col("last_active_day"), day)
    active = [pl.col(f"active_{window}") for window in range(WINDOWS)]
    is_connected = [active[window] & pl.col(f"connected_{window}") for window in range(WINDOWS)]
    is_here, is_paused = last == 0, last == 1
    state = (
        pl.when(last.is_null()).then(pl.lit(LURKER))
        .when(is_here & (first == 0)).then(pl.lit(NEWLY_ACTIVE))
        .when(is_here & (active[1] | active[2])).then(pl.lit(ACTIVE))
        .when(is_here).then(pl.lit(RETURNED))
        .when(is_paused).then(pl.lit(PAUSED))
        .otherwise(pl.lit(DISENGAGED))
    )  # fmt: skip
    is_consistent = pl.col("active_windows") >= ENOUGH_WINDOWS
    flags = {
        "is_consistent": is_consistent,
        "is_vital": pl.col("connected_windows") >= ENOUGH_WINDOWS,
        "is_still_active": (first == 2) & active[1] & is_here,
        "is_dropped": (first == 1) & is_paused,
        "is_about_to_disengage": is_paused & ~is_consistent,
    }
    return (
        _active(person_day.filter(until), day)
        .join(connected, on=_MEMBER, how="left")
        .join(_members(events.filter(until)), on=_MEMBER, how="full", coalesce=True)
        .with_columns(active_windows=pl.sum_horizontal(active), connected_windows=pl.sum_horizontal(is_connected))
        .with_columns(state=state, day=pl.lit(day, pl.Date), **flags)
        .with_columns(pl.col(flags.keys()).fill_null(value=False))
        .select(MEMBER_STATE.columns.keys())
        .cast(MEMBER_STATE.schema)
    )


def group_engagement(member_state: pl.LazyFrame) -> pl.LazyFrame:
    """Count the members of each group by state, from `schemas.lake.MEMBER_STATE`: a row per group."""
    states = (NEWLY_ACTIVE, ACTIVE, RETURNED, PAUSED, DISENGAGED, LURKER)
    flags = ("consistent", "vital", "still_active", "dropped", "about_to_disengage")
    return member_state.group_by("group_id", "day").agg(
        *((pl.col("state") == state).sum().cast(pl.Int64).alias(state) for state in states),
        *(pl.col(f"is_{flag}").sum().cast(pl.Int64).alias(flag) for flag in flags),
    )


def _active(person_day: pl.LazyFrame, day: dt.date | None) -> pl.LazyFrame:
    """Return a row per person and group: the first and the last active day, and `active_0` to `active_3`, by window."""
    window = window_of(pl.col("day"), day)
    return person_day.group_by(_MEMBER).agg(
        first_active_day=pl.col("day").min(),
        last_active_day=pl.col("day").max(),
        **{f"active_{number}": (window == number).any() for number in range(WINDOWS)},
    )


def _members(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return who joined a group as a member and has not left since."""
    joins = (pl.col("type") == kinds.MEMBER_JOINED) & (pl.col("role") == "member")
    return (
        events.filter(joins | (pl.col("type") == kinds.MEMBER_LEFT))
        .sort(ORDERING_KEY)
        .unique(_MEMBER, keep="last", maintain_order=True)
        .filter(joins)
        .select(_MEMBER)
    )
