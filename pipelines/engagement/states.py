"""How engaged members are in their groups: newly active, active, paused, disengaged, returned, lurking, and more.

After TogetherCrew's member engagement (github.com/TogetherCrew/core-analyzer-lib, its thresholds and windows), on the
activity of this project: receiving a reply is no activity, silent days shift no window, who has left does not lurk
(definitions, section 5).

Windows have 7 days and are counted back from the day that is asked for: window 0 ends with it, window 1 is the seven
days before, and so on.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.activity import is_activity, is_member_message
from schemas import kinds
from schemas.lake import MEMBER_STATE, ORDERING_KEY

WINDOW_DAYS: Final = 7
WINDOWS: Final = 4
"""The windows that consistent and vital members are judged by."""

ENOUGH_WINDOWS: Final = 3
"""Of `WINDOWS`."""

ENOUGH_EXCHANGES: Final = 5
"""Answers between two members in a window that connect them."""

ENOUGH_MEMBERS: Final = 5
"""Members one is connected with, to be connected."""

ANSWERED_WITHIN: Final = dt.timedelta(days=28)
"""How old a message may be for an answer to connect two members."""

NEWLY_ACTIVE: Final = "newly_active"
ACTIVE: Final = "active"
RETURNED: Final = "returned"
PAUSED: Final = "paused"
DISENGAGED: Final = "disengaged"
LURKER: Final = "lurker"

_MEMBER: Final = ("group_id", "person_id")


def member_state(events: pl.LazyFrame, person_day: pl.LazyFrame, day: dt.date | None) -> pl.LazyFrame:
    """Tell how engaged each person is in each group at the end of a day, from what happened up to then.

    `state` is one of `newly_active` (active in window 0, never before), `active` (in window 0, and in 1 or 2),
    `returned` (in window 0 after two silent ones or more), `paused` (last active in window 1), `disengaged` (before
    that), `lurker` (joined, has not left, was never active). `is_consistent`: active in 3 of windows 0 to 3.
    `is_vital`: connected in 3 of them, where connected is who was active and exchanged at least 5 answers (replies and
    reactions, either way) with each of at least 5 members. `is_still_active`: newly active two windows ago and active
    in both since. `is_dropped`: newly active one window ago and silent since. `is_about_to_disengage`: paused and not
    consistent.

    Args:
        events: Columns of `schemas.lake.EVENTS` plus `person_id`, of all history, distinct, in any order.
        person_day: `schemas.lake.PERSON_DAY` of these events.
        day: The newest complete day; none: nobody is judged.

    Returns:
        `schemas.lake.MEMBER_STATE`: a row for each person and group with any activity, and for each lurker.
    """
    until = pl.col("day") <= pl.lit(day, pl.Date)
    known = events.filter(until)
    first, last = _window(pl.col("first_active_day"), day), _window(pl.col("last_active_day"), day)
    active = [pl.col(f"active_{window}") for window in range(WINDOWS)]
    connected = [active[window] & pl.col(f"connected_{window}") for window in range(WINDOWS)]
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
        .join(_connected(known, day), on=_MEMBER, how="left")
        .join(_members(known), on=_MEMBER, how="full", coalesce=True)
        .with_columns(active_windows=pl.sum_horizontal(active), connected_windows=pl.sum_horizontal(connected))
        .with_columns(state=state, day=pl.lit(day, pl.Date), **flags)
        .with_columns(pl.col(flags.keys()).fill_null(value=False))
        .select(MEMBER_STATE.columns.keys())
        .cast(MEMBER_STATE.schema)
    )


def windows_from(day: dt.date | None) -> pl.Expr:
    """The first day of the windows that consistent and vital members are judged by."""
    return pl.lit(day, pl.Date) - dt.timedelta(days=WINDOWS * WINDOW_DAYS - 1)


def group_engagement(member_state: pl.LazyFrame) -> pl.LazyFrame:
    """Count the members of each group by state, from `schemas.lake.MEMBER_STATE`: a row a group."""
    states = (NEWLY_ACTIVE, ACTIVE, RETURNED, PAUSED, DISENGAGED, LURKER)
    flags = ("consistent", "vital", "still_active", "dropped", "about_to_disengage")
    return member_state.group_by("group_id", "day").agg(
        *((pl.col("state") == state).sum().cast(pl.Int64).alias(state) for state in states),
        *(pl.col(f"is_{flag}").sum().cast(pl.Int64).alias(flag) for flag in flags),
    )


def _window(of: pl.Expr, day: dt.date | None) -> pl.Expr:
    return (pl.lit(day, pl.Date) - of).dt.total_days() // WINDOW_DAYS


def _active(person_day: pl.LazyFrame, day: dt.date | None) -> pl.LazyFrame:
    """A row a person and group: the first and the last active day, and `active_0` to `active_3`, by window."""
    window = _window(pl.col("day"), day)
    return person_day.group_by(_MEMBER).agg(
        first_active_day=pl.col("day").min(),
        last_active_day=pl.col("day").max(),
        **{f"active_{number}": (window == number).any() for number in range(WINDOWS)},
    )


def _connected(events: pl.LazyFrame, day: dt.date | None) -> pl.LazyFrame:
    """A row a person and group with enough exchanges in a window: `connected_0` to `connected_3`, by window."""
    one, other = (end("person_id", "other_id") for end in (pl.min_horizontal, pl.max_horizontal))
    pairs = (
        _answers(events, day)
        .group_by("group_id", "window", one.alias("one"), other.alias("other"))
        .agg(exchanges=pl.len())
        .filter(pl.col("exchanges") >= ENOUGH_EXCHANGES)
    )
    both_ways = pl.concat([pairs.select("group_id", "window", person_id=end) for end in ("one", "other")])
    return (
        both_ways.group_by(*_MEMBER, "window")
        .agg(members=pl.len())
        .filter(pl.col("members") >= ENOUGH_MEMBERS)
        .group_by(_MEMBER)
        .agg(**{f"connected_{number}": (pl.col("window") == number).any() for number in range(WINDOWS)})
    )


def _answers(events: pl.LazyFrame, day: dt.date | None) -> pl.LazyFrame:
    """Members' replies and reactions to messages of other members: `group_id, person_id, other_id, window`."""
    named = pl.when(pl.col("type") == kinds.MESSAGE_SENT).then("reply_to").otherwise("message_id")
    answering = (
        events.filter(is_activity() & (pl.col("day") >= windows_from(day)))
        .select(*_MEMBER, "time", answered=named, window=_window(pl.col("day"), day))
        .drop_nulls("answered")
    )
    message = ["group_id", "answered"]
    # A day more, as one of them may have 23 hours.
    written_from = windows_from(day) - ANSWERED_WITHIN - dt.timedelta(days=1)
    # Only messages that were answered are worth sorting.
    written = (
        events.filter(is_member_message() & (pl.col("day") >= written_from))
        .select("group_id", *ORDERING_KEY, answered="message_id", other_id="person_id")
        .join(answering, on=message, how="semi")
        .sort(ORDERING_KEY)
        .unique(message, keep="first", maintain_order=True)
        .select(*message, "other_id", written="time")
    )
    age = pl.col("time") - pl.col("written")
    return (
        answering.join(written, on=message)
        .filter((pl.col("person_id") != pl.col("other_id")) & (age <= ANSWERED_WITHIN))
        .select(*_MEMBER, "other_id", "window")
    )


def _members(events: pl.LazyFrame) -> pl.LazyFrame:
    """Who joined a group as a member and has not left it since."""
    joins = (pl.col("type") == kinds.MEMBER_JOINED) & (pl.col("role") == "member")
    return (
        events.filter(joins | (pl.col("type") == kinds.MEMBER_LEFT))
        .sort(ORDERING_KEY)
        .unique(_MEMBER, keep="last", maintain_order=True)
        .filter(joins)
        .select(_MEMBER)
    )
