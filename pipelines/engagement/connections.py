"""Connected members of groups, by the answers they exchange in windows of 7 days.

Windows are counted back from a given day: window 0 ends with it, window 1 is the seven days before, and so on.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.activity import is_activity, is_member_message
from pipelines.events.identity import with_person
from schemas import kinds
from schemas.lake import ORDERING_KEY

WINDOW_DAYS: Final = 7
WINDOWS: Final = 4
"""Number of windows that states of members depend on."""

ENOUGH_EXCHANGES: Final = 5
"""Minimum of answers between two members in a window to connect them."""

ENOUGH_MEMBERS: Final = 5
"""Minimum of connections for a member to count as connected."""

ANSWERED_WITHIN: Final = dt.timedelta(days=28)
"""Highest age of a message for an answer to it to count."""


Day = dt.date | pl.Expr | None
"""A day, or a column of days; None: before every day."""


def window_of(of: pl.Expr, day: Day) -> pl.Expr:
    """Return the number of the window that contains a day."""
    return (_known(day) - of).dt.total_days() // WINDOW_DAYS


def windows_from(day: Day) -> pl.Expr:
    """Return the first day of the windows."""
    return _known(day) - dt.timedelta(days=WINDOWS * WINDOW_DAYS - 1)


def connecting_from(day: Day) -> pl.Expr:
    """Return the first day of messages whose answers in the windows count."""
    # One more day, since a day may have 23 hours.
    return windows_from(day) - ANSWERED_WITHIN - dt.timedelta(days=1)


def _known(day: Day) -> pl.Expr:
    return day if isinstance(day, pl.Expr) else pl.lit(day, pl.Date)


def connected(events: pl.LazyFrame, people: pl.LazyFrame, day: dt.date | None) -> pl.LazyFrame:
    """Find the persons who exchanged enough answers with enough members of a group in one window or more.

    Answers are replies and reactions, in either direction. Activity of a person in the window is not checked.

    Args:
        events: `schemas.lake.EVENTS`, all of a group from `connecting_from` on, distinct, in any order.
        people: `schemas.lake.IDENTITY`.
        day: The last day of window 0; None: nobody is connected.

    Returns:
        `group_id, person_id`, and by window `connected_0` to `connected_3`.
    """
    member = ("group_id", "person_id")
    return (
        exchanges(events, people, day)
        .filter(pl.col("exchanges") >= ENOUGH_EXCHANGES)
        .select("group_id", "window", person_id=pl.concat_list("one", "other"))
        .explode("person_id")
        .group_by(*member, "window")
        .agg(members=pl.len())
        .filter(pl.col("members") >= ENOUGH_MEMBERS)
        .group_by(member)
        .agg(**{f"connected_{number}": (pl.col("window") == number).any() for number in range(WINDOWS)})
    )


def exchanges(events: pl.LazyFrame, people: pl.LazyFrame, day: Day) -> pl.LazyFrame:
    """Count the answers that two persons of a group exchanged in each window, in either direction.

    The arguments are those of `connected`; `day` may be a column of the events, the same in all of a group.

    Returns:
        `group_id`, `window`, persons `one` < `other`, and `exchanges`.
    """
    answered = _answers(events.filter(pl.col("day") <= _known(day)), day)
    by_person = with_person(answered, people).select(
        "group_id", "window", person_id="person_id", account_id="other_account_id"
    )
    between = with_person(by_person.rename({"person_id": "one"}), people).rename({"person_id": "other"})
    ends = pl.col("one", "other")
    return (
        between.filter(pl.col("one") != pl.col("other"))
        .group_by("group_id", "window", one=pl.min_horizontal(ends), other=pl.max_horizontal(ends))
        .agg(exchanges=pl.len())
    )


def _answers(events: pl.LazyFrame, day: Day) -> pl.LazyFrame:
    """Return members' replies and reactions to members' messages: `group_id, account_id, other_account_id, window`.

    By account: few messages are answers or answered, and persons are looked up only for these.
    """
    named = pl.when(pl.col("type") == kinds.MESSAGE_SENT).then("reply_to").otherwise("message_id")
    answering = (
        events.filter(is_activity() & (pl.col("day") >= windows_from(day)))
        .select("group_id", "account_id", "time", answered=named, window=window_of(pl.col("day"), day))
        .drop_nulls("answered")
    )
    message = ["group_id", "answered"]
    # Sort only messages that were answered.
    written = (
        events.filter(is_member_message() & (pl.col("day") >= connecting_from(day)))
        .select("group_id", *ORDERING_KEY, answered="message_id", other_account_id="account_id")
        .join(answering, on=message, how="semi")
        .sort(ORDERING_KEY)
        .unique(message, keep="first", maintain_order=True)
        .select(*message, "other_account_id", written="time")
    )
    return (
        answering.join(written, on=message)
        .filter(pl.col("time") - pl.col("written") <= ANSWERED_WITHIN)
        .select("group_id", "account_id", "other_account_id", "window")
    )
