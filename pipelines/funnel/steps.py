"""The timeline that funnel steps are matched on: plain events and derived ones side by side.

See docs/definitions.md#funnel.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from pipelines.funnel.exposure import exposures
from pipelines.funnel.membership import memberships, milestones
from schemas import kinds
from schemas.lake import EVENTS, ORDERING_KEY

MARKS: Final = ("joined", "activated", "retained", "exposed", "repurchased")
"""The derived events. They are Boolean columns (marks), so that an event that is several of them is still one row."""

_EVENT: Final = (
    *("source", "event_id", "type", "role", "group_id", "message_id"),
    *("product_id", "order_id", "currency", "amount_minor", "time_quality"),
)

ONLY_MATCHED_ON: Final = frozenset({"message_id", "currency", "amount_minor", "time_quality"})
"""Columns of the timeline that are only used in predicates."""

TIMELINE: Final = pl.Schema(
    {
        "person_id": pl.String(),
        **{name: EVENTS.columns[name] for name in (*_EVENT, *ORDERING_KEY)},
        **{name: pl.Boolean() for name in MARKS},
    }
)
"""A row per person and event; derived joins and leaves have a row per account. Marks are never null."""

COMMERCE: Final = frozenset(
    {
        kinds.PRODUCT_VIEWED,
        kinds.CART_ADDED,
        kinds.ORDER_PLACED,
        kinds.ORDER_PAID,
        kinds.ORDER_REFUNDED,
    }
)


def timeline(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the timeline of persons' own events and exposures.

    - Own events of a person: all events by members except heartbeats, and commerce events of any role.
    - exposed: a product message of someone else, sent while the person was a member of the group. Such a row belongs
      to the person who could see it; `type` and `role` are null, because that person did nothing. The module `exposure`
      says which are kept.
    - joined, activated, retained: see `membership.milestones`.
    - repurchased: the first payment of each order of a person, except the first order; orders are identified by source
      and order id.

    Args:
        events: `schemas.lake.EVENTS` with `earliest_at` (`pipelines.groups.member_change.with_derived`) and
            `person_id`, distinct, in any order.

    Returns:
        Rows of `TIMELINE`, unordered.
    """
    columns = (*_EVENT, *ORDERING_KEY, "person_id", "message_kind", "day", "earliest_at")
    leaving = (pl.col("type") == kinds.MEMBER_LEFT) & pl.col("person_id").is_not_null()
    return (
        events.filter(is_own() | leaving | is_product_message()).select(columns).map_batches(_timeline, schema=TIMELINE)
    )


def _timeline(events: pl.DataFrame) -> pl.DataFrame:
    events = events.sort(ORDERING_KEY).with_row_index("rank")
    own = events.filter(is_own())
    steps = milestones(own.lazy()).collect()
    stays = memberships(
        steps.lazy().filter("joined"),
        events.lazy().filter((pl.col("type") == kinds.MEMBER_LEFT) & pl.col("person_id").is_not_null()),
    ).collect()
    seen = exposures(stays, own, events.filter(is_product_message()))
    marked = {name: steps.filter(name)["rank"] for name in ("joined", "activated", "retained")}
    marked["repurchased"] = _later_orders(own)
    own_rows = own.with_columns(_mark(name, marked.get(name), own["rank"], events.height) for name in MARKS)
    exposed_rows = (
        events[seen["rank"]]
        .with_columns(
            seen["person_id"],
            pl.lit(None, pl.String).alias("type"),
            pl.lit(None, pl.String).alias("role"),
        )
        .with_columns(pl.lit(name == "exposed").alias(name) for name in MARKS)
    )
    names = TIMELINE.names()
    return pl.concat([own_rows.select(names), exposed_rows.select(names)])


def is_own() -> pl.Expr:
    """Return whether an event is a person's own: any by a member except heartbeats, or commerce of any role."""
    acts = (pl.col("role") == "member").fill_null(value=False) | pl.col("type").is_in(COMMERCE)
    return pl.col("person_id").is_not_null() & (pl.col("type") != kinds.FEED_HEARTBEAT) & acts


def is_product_message() -> pl.Expr:
    """Return whether an event is a product message in a group, by anybody: all members are exposed to it."""
    complete = pl.col("product_id").is_not_null() & pl.col("group_id").is_not_null()
    return (pl.col("type") == kinds.MESSAGE_SENT) & complete


def _later_orders(own: pl.DataFrame) -> pl.Series:
    """Return the positions of the first payment of each order of a person, except the first order."""
    order = ("person_id", "source", "order_id")
    return (
        own.filter((pl.col("type") == kinds.ORDER_PAID) & pl.col("order_id").is_not_null())
        .group_by(order)
        .agg(pl.col("rank").min())
        .filter(pl.col("rank") > pl.col("rank").min().over("person_id"))
    )["rank"]


def _mark(name: str, ranks: pl.Series | None, own: pl.Series, n_events: int) -> pl.Series:
    flags = np.zeros(n_events, np.bool_)
    if ranks is not None:
        flags[ranks.to_numpy()] = True
    return pl.Series(name, flags[own.to_numpy()])
