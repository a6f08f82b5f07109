"""The touchpoints of persons before each order, and those that no order followed (docs/definitions.md#paths)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.funnel.orders import ORDER_EVENTS
from pipelines.funnel.touches import within
from schemas import kinds
from schemas.lake import ORDERING_KEY, PERSON_PATH
from schemas.paths import STAGES

EVENT_COLUMNS: Final = tuple(
    dict.fromkeys((*ORDERING_KEY, "type", "role", "day", "group_id", "person_id", "source", "order_id"))
)
"""Columns of `schemas.lake.EVENTS`, and `person_id`, that `person_path` uses."""

_ORDER: Final = ("shop", "order_id")
_POINTS: Final = pl.col("touchpoint").filter(pl.col("touchpoint").ne_missing(pl.col("touchpoint").shift(1)))


def bears_on_paths() -> pl.Expr:
    """Return whether an event is a touchpoint, or may name the group whose link led to an order."""
    is_placed_or_paid = pl.col("type").is_in(ORDER_EVENTS[:2]) & pl.col("order_id").is_not_null()
    return _is_touchpoint() | is_placed_or_paid


def person_path(events: pl.DataFrame, orders: pl.DataFrame, look_back: dt.timedelta) -> pl.DataFrame:
    """Return the path to each order, and the paths without one.

    A touchpoint is a clicked link in a group, a product viewed, or something put into a cart, by a member. The path to
    an order has those of the buyer in `[paid_at - look_back, paid_at]`; without a click among them, the group that
    the shop names is added as the last. Touchpoints that no order of the person follows within `look_back` make one
    path per calendar week. Of equal touchpoints in a row only the first is kept.

    Args:
        events: `EVENT_COLUMNS` of distinct events, in any order; those of `bears_on_paths`.
        orders: `schemas.lake.CUSTOMER_ORDER`.
        look_back: Longest time from a touchpoint to the payment.

    Returns:
        `schemas.lake.PERSON_PATH`, in any order.
    """
    points = (
        events.filter(_is_touchpoint() & pl.col("person_id").is_not_null())
        .sort(ORDERING_KEY)
        .select("person_id", "time", "day", touchpoint=pl.coalesce(_stage(), "group_id"))
        .with_row_index("rank")
    )
    paths = pl.concat([_to_orders(points, events, orders, look_back), _without(points, orders, look_back)])
    return paths.match_to_schema(PERSON_PATH.schema)


def _is_touchpoint() -> pl.Expr:
    is_click = (pl.col("type") == kinds.LINK_CLICKED) & pl.col("group_id").is_not_null()
    is_staff = pl.col("role").is_in(kinds.STAFF).fill_null(value=False)
    return (is_click | pl.col("type").is_in(list(STAGES))) & ~is_staff


def _stage() -> pl.Expr:
    return pl.col("type").replace_strict(STAGES, default=None, return_dtype=pl.String)


def _to_orders(
    points: pl.DataFrame, events: pl.DataFrame, orders: pl.DataFrame, look_back: dt.timedelta
) -> pl.DataFrame:
    orders = orders.select(*_ORDER, "person_id", "paid_at", "month").with_row_index("order")
    spans = orders.select(
        "order",
        "person_id",
        start=points["time"].search_sorted(orders["paid_at"] - look_back, side="left"),
        end=points["time"].search_sorted(orders["paid_at"], side="right"),
    )
    of_buyers = within(spans, points, "person_id").join(points, on="rank").sort("order", "rank")
    clicked = of_buyers.filter(~pl.col("touchpoint").is_in(list(STAGES.values()))).select("order")
    named = orders.join(_named(events), on=_ORDER).join(clicked, on="order", how="anti")
    named = named.select("order", touchpoint="group_id")
    listed = (
        pl.concat([of_buyers.select("order", "touchpoint", "time"), named], how="diagonal")
        .sort("order", maintain_order=True)
        .group_by("order", maintain_order=True)
        .agg(_POINTS.alias("touchpoints"), started_at=pl.col("time").min())
    )
    return orders.join(listed, on="order", how="left").select(
        "person_id",
        *_ORDER,
        pl.col("touchpoints").fill_null([]),
        "started_at",
        "month",
        week=pl.lit(None, pl.Date),
        ended_at="paid_at",
    )


def _named(events: pl.DataFrame) -> pl.DataFrame:
    """Return `shop, order_id, group_id`: the group that the payment names, or else the first placing that names one."""
    order = ("source", "order_id")
    of_orders = events.filter(pl.col("order_id").is_not_null()).sort(ORDERING_KEY)
    is_paid, has_group = pl.col("type") == kinds.ORDER_PAID, pl.col("group_id").is_not_null()
    payments = of_orders.filter(is_paid).unique(order, keep="first").filter(has_group)
    placed = of_orders.filter((pl.col("type") == kinds.ORDER_PLACED) & has_group).unique(order, keep="first")
    named = pl.concat([payments, placed.join(payments, on=order, how="anti")])
    return named.select("order_id", "group_id", shop="source")


def _without(points: pl.DataFrame, orders: pl.DataFrame, look_back: dt.timedelta) -> pl.DataFrame:
    paid = orders.filter(pl.col("person_id").is_not_null()).select("person_id", "paid_at").sort("paid_at")
    followed = points.join_asof(
        paid, left_on="time", right_on="paid_at", by="person_id", strategy="forward", check_sortedness=False
    )
    is_followed = (pl.col("paid_at") - pl.col("time") <= look_back).fill_null(value=False)
    return (
        followed.filter(~is_followed)
        .group_by("person_id", week=pl.col("day").dt.truncate("1w"))
        .agg(
            _POINTS.alias("touchpoints"),
            started_at=pl.col("time").min(),
            ended_at=pl.col("time").max(),
            month=pl.col("day").max().dt.month_start(),
        )
        .select(
            "person_id",
            *(pl.lit(None, pl.String).alias(name) for name in _ORDER),
            "touchpoints",
            "started_at",
            "month",
            "week",
            "ended_at",
        )
    )
