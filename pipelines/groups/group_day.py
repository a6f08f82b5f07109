"""Daily counts of groups: members' activity, and what the company did."""

from __future__ import annotations

import polars as pl

from pipelines.engagement.activity import is_activity, is_member_message
from pipelines.events.of_feed import is_of_feed
from pipelines.groups.coverage import best_membership, widest_coverage
from schemas import kinds
from schemas.lake import GROUP_DAY


def group_day(events: pl.LazyFrame) -> pl.LazyFrame:
    """Count what happened in each group on each day with any event (docs/definitions.md#life-of-a-group).

    `speakers`, `active_members`, `joined` and `left` count distinct persons. `messages`, `replies`
    (among them) and `reactions` are members' activity. `operator_messages`, `bot_messages` and
    `product_messages` count messages of every kind, the last of every role; `clicks` counts events.
    `source` is the first by name of the sources with events of the group's chat, `coverage` the widest of theirs,
    `membership` the best.

    Args:
        events: Columns of `schemas.lake.EVENTS` plus `person_id`, distinct, in any order.

    Returns:
        `schemas.lake.GROUP_DAY`: one row for each group and day with any event; notes do not count.
    """
    role = pl.col("role")
    sent = pl.col("type") == kinds.MESSAGE_SENT
    written = is_member_message()
    joined = (pl.col("type") == kinds.MEMBER_JOINED) & (role == "member")
    left = (pl.col("type") == kinds.MEMBER_LEFT) & (role == "member")
    return (
        events.filter(pl.col("group_id").is_not_null() & is_of_feed())
        .group_by("group_id", "day")
        .agg(
            speakers=_persons(written),
            active_members=_persons(is_activity()),
            messages=written.sum(),
            replies=(written & pl.col("reply_to").is_not_null()).sum(),
            reactions=(is_activity() & ~written).sum(),
            joined=_persons(joined),
            left=_persons(left),
            operator_messages=(sent & (role == "operator")).sum(),
            bot_messages=(sent & (role == "bot")).sum(),
            product_messages=(sent & pl.col("product_id").is_not_null()).sum(),
            clicks=(pl.col("type") == kinds.LINK_CLICKED).sum(),
            source=pl.col("source").filter(pl.col("type").is_in(kinds.OF_CHAT)).min(),
            coverage=widest_coverage(),
            membership=best_membership(),
        )
        .with_columns(month=pl.col("day").dt.month_start())
        .select(GROUP_DAY.columns.keys())
        .cast(GROUP_DAY.schema)
    )


def _persons(condition: pl.Expr) -> pl.Expr:
    return pl.col("person_id").filter(condition).n_unique()
