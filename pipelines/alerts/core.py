"""The members of a group's core who fell silent."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

CORE_DAYS: Final = 28
RECENT_DAYS: Final = 7


def silent_core(person_day: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Find the members who wrote half of the messages, and which of them are inactive since.

    The core is the smallest set of members who wrote half of the messages of 28 days (the contributor absence factor
    of CHAOSS, docs/definitions.md#engagement). These 28 days end 7 days before `since`, because a state that begins at
    `since` is already visible in the 7 days before it. Among members with equally many messages the first by id counts.

    Args:
        person_day: Columns of `schemas.lake.PERSON_DAY`.
        groups: `group_id`, distinct, and `since`.

    Returns:
        `group_id`; `core`, the number of members of the core; `core_silent`, those of them who neither wrote nor
        reacted from 7 days before `since` on, the most active first. Groups without messages in the 28 days are left
        out.
    """
    member = ("group_id", "person_id")
    recent_from = pl.col("since") - dt.timedelta(days=RECENT_DAYS)
    days = person_day.join(groups.select("group_id", "since"), on="group_id")
    before = days.filter(pl.col("day") < recent_from, pl.col("day") >= recent_from - dt.timedelta(days=CORE_DAYS))
    wrote_before_them = pl.col("messages").cum_sum().over("group_id") - pl.col("messages")
    core = (
        before.group_by(member)
        .agg(pl.col("messages").cast(pl.Int64).sum())
        .filter(pl.col("messages") > 0)
        .sort("group_id", "messages", "person_id", descending=[False, True, False])
        .filter(2 * wrote_before_them < pl.col("messages").sum().over("group_id"))
    )
    active = days.filter(pl.col("day") >= recent_from).select(member).unique().with_columns(is_active=True)
    return (
        core.join(active, on=member, how="left")
        .sort("group_id", "messages", "person_id", descending=[False, True, False])
        .group_by("group_id", maintain_order=True)
        .agg(core=pl.len().cast(pl.Int32), core_silent=pl.col("person_id").filter(pl.col("is_active").is_null()))
    )
