"""The groups that events name, with the newest value of each attribute."""

from __future__ import annotations

import polars as pl

from pipelines.events.of_feed import is_of_feed
from schemas import kinds
from schemas.lake import GROUP, ORDERING_KEY

_GROUP_EVENTS = (kinds.GROUP_CREATED, kinds.GROUP_UPDATED, kinds.GROUP_CLOSED)


def describes_group() -> pl.Expr:
    """True for an event that can change attributes of a row of `group` other than `born_at`."""
    return pl.col("type").is_in(_GROUP_EVENTS) | pl.col("group_name").is_not_null() | _shows_operator()


def _shows_operator() -> pl.Expr:
    # Whoever records a note on a group need not be in it.
    return (pl.col("role") == "operator").fill_null(value=False) & is_of_feed()


def group_table(events: pl.LazyFrame, births: pl.LazyFrame) -> pl.LazyFrame:
    """Describe every group that an event names (docs/definitions.md#things).

    Each attribute is the newest value of any group event (the name: of any event, as some carriers send it with every
    message); an event without an attribute does not change it. `created_at` is the first `group.created`. `closed_at`
    is the first `group.closed` after the last `group.created`: updating or closing a closed group changes nothing,
    creating it again opens it. `operators` counts the accounts in the newest list or, if that is missing or empty, the
    accounts seen with the role operator.

    Args:
        events: Columns of `schemas.lake.EVENTS`, distinct, in any order.
        births: `group_id` and `born_at` as `pipelines.groups.birth.births` gives them.

    Returns:
        `schemas.lake.GROUP`: one row for each distinct `group_id`.
    """
    named = events.filter(pl.col("group_id").is_not_null())
    seen = named.group_by("group_id").agg(
        seen_operators=pl.col("account_id").filter(_shows_operator()).drop_nulls().n_unique()
    )
    listed = pl.col("listed_operators").list.n_unique()
    return (
        seen.join(_described(named), on="group_id", how="left")
        .join(_names(named), on="group_id", how="left")
        .join(births, on="group_id", how="left")
        .with_columns(
            carrier=pl.col("group_id").str.extract("^([^:]+):", 1),
            operators=pl.when(listed > 0).then(listed).otherwise(pl.col("seen_operators")),
        )
        .select(GROUP.columns.keys())
        .cast(GROUP.schema)
    )


def _described(named: pl.LazyFrame) -> pl.LazyFrame:
    is_created = pl.col("type") == kinds.GROUP_CREATED
    is_closed = pl.col("type") == kinds.GROUP_CLOSED
    creations_from_here = is_created.cast(pl.UInt32).cum_sum(reverse=True)
    return (
        named.filter(pl.col("type").is_in(_GROUP_EVENTS))
        .sort(ORDERING_KEY)
        .group_by("group_id", maintain_order=True)
        .agg(
            purpose=pl.col("group_purpose").drop_nulls().last(),
            listed_operators=pl.col("group_operators").drop_nulls().last(),
            created_at=pl.col("time").filter(is_created).first(),
            closed_at=pl.col("time").filter(is_closed & (creations_from_here == 0)).first(),
            planned_end=pl.col("group_planned_end").drop_nulls().last(),
        )
    )


def _names(named: pl.LazyFrame) -> pl.LazyFrame:
    telling = named.filter(pl.col("group_name").is_not_null())
    return telling.group_by("group_id").agg(name=pl.col("group_name").sort_by(ORDERING_KEY).last())
