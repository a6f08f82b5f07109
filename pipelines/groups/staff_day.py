"""Accounts that work for the company; their messages and reactions never count as member activity."""

from __future__ import annotations

import polars as pl

from schemas import kinds
from schemas.lake import STAFF_DAY


def staff_day(events: pl.LazyFrame) -> pl.LazyFrame:
    """Find the accounts that wrote or reacted as operator or bot in each group on each day, and count their messages.

    Args:
        events: Columns of `schemas.lake.EVENTS`, distinct, in any order.

    Returns:
        `schemas.lake.STAFF_DAY`: one row for each account and role. Its events as a member do not count.
    """
    is_staff = pl.col("role").is_in(kinds.STAFF) & pl.col("group_id").is_not_null() & pl.col("account_id").is_not_null()
    is_sent = pl.col("type") == kinds.MESSAGE_SENT
    return (
        events.filter(is_staff & (is_sent | (pl.col("type") == kinds.REACTION_ADDED)))
        .group_by("group_id", "day", "account_id", "role")
        .agg(messages=is_sent.sum())
        .with_columns(month=pl.col("day").dt.month_start())
        .select(STAFF_DAY.columns.keys())
        .cast(STAFF_DAY.schema)
    )
