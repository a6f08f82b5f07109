"""What counts as engagement: the one predicate that every number of activity goes through."""

from __future__ import annotations

import polars as pl

from schemas import kinds


def is_member_message() -> pl.Expr:
    """True for a message that a member wrote; operators, bots, red packets and broadcasts are none.

    See docs/definitions.md#engagement.
    """
    engaging = ~pl.col("message_kind").is_in(kinds.NOT_ENGAGEMENT).fill_null(value=False)
    return (pl.col("type") == kinds.MESSAGE_SENT) & (pl.col("role") == "member") & engaging


def is_activity() -> pl.Expr:
    """True for a member's own message or reaction: what keeps a person active and a group alive."""
    reaction = (pl.col("type") == kinds.REACTION_ADDED) & (pl.col("role") == "member")
    return is_member_message() | reaction
