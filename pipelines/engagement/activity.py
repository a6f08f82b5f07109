"""What counts as engagement: the one predicate that all counts of activity use."""

from __future__ import annotations

import polars as pl

from schemas import kinds


def is_member_message() -> pl.Expr:
    """Return whether an event is a message of a member, not of operators or bots, nor a red packet or broadcast.

    See docs/definitions.md#engagement.
    """
    engaging = ~pl.col("message_kind").is_in(kinds.NOT_ENGAGEMENT).fill_null(value=False)
    return (pl.col("type") == kinds.MESSAGE_SENT) & (pl.col("role") == "member") & engaging


def is_activity() -> pl.Expr:
    """Return whether an event is activity: a message or reaction of a member."""
    reaction = (pl.col("type") == kinds.REACTION_ADDED) & (pl.col("role") == "member")
    return is_member_message() | reaction
