"""Which group an order is owed to (definitions, section 6)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from schemas import kinds
from schemas.lake import ORDER_CREDIT, ORDERING_KEY

LAST_CLICK: Final = "last_click"
UNATTRIBUTED: Final = "unattributed"
LOOK_BACK: Final = dt.timedelta(days=7)

_ORDER: Final = ("source", "order_id")
_TOUCH: Final = ("group_id", "message_id", "touched_at")


def last_click(events: pl.LazyFrame, look_back: dt.timedelta = LOOK_BACK) -> pl.LazyFrame:
    """Credit each paid order to one group: the one its link came from, else that of the last click before it.

    The first `order.paid` of an order (by shop and order id) is its payment; later ones say nothing new. The touch is

    1. the group that the payment names, or else that the order's first `order.placed` with a group names (in both the
       shop tells whose link led to the order, at the time of that event);
    2. else the person's last `link.clicked` with a group before the payment, in `[paid_at - look_back, paid_at]`;
    3. else none: `group_id` is null.

    Refunds are summed over the whole history in the currency of the payment; more than was paid nets to 0. Nothing
    depends on the order of arrival.

    Args:
        events: `schemas.lake.EVENTS` with `person_id`, distinct, in any order.
        look_back: How long before the payment a click still counts.

    Returns:
        `schemas.lake.ORDER_CREDIT`, a row a paid order.
    """
    paid = _first(events, kinds.ORDER_PAID, pl.col("order_id").is_not_null())
    placed = _first(events, kinds.ORDER_PLACED, pl.col("group_id").is_not_null())
    named = paid.join(placed.select(*_ORDER, *_TOUCH), on=_ORDER, how="left", suffix="_placed")
    by_link = pl.col("group_id").is_not_null()
    by_order = pl.col("group_id_placed").is_not_null()
    touches = [
        pl.when(by_link)
        .then(column)
        .when(by_order)
        .then(f"{column}_placed")
        .otherwise(f"{column}_clicked")
        .alias(column)
        for column in _TOUCH
    ]
    refunded = pl.col("refunded_minor").fill_null(0)
    return (
        named.join(_clicked(events, paid, look_back), on=_ORDER, how="left", suffix="_clicked")
        .join(_refunds(events), on=(*_ORDER, "currency"), how="left")
        .with_columns(*touches, refunded)
        .select(
            pl.lit(LAST_CLICK).alias("model"),
            pl.col("source").alias("shop"),
            "order_id",
            "person_id",
            *_TOUCH,
            pl.col("time").alias("paid_at"),
            "currency",
            pl.col("amount_minor").alias("paid_minor"),
            "refunded_minor",
            pl.max_horizontal(0, pl.col("amount_minor") - refunded).alias("net_minor"),
        )
        .match_to_schema(ORDER_CREDIT.schema)
    )


def group_sales(credits: pl.LazyFrame) -> pl.LazyFrame:
    """Sum credits a model, group and currency, in the columns of `warehouse.group_sales`.

    Orders without a group are the row `unattributed`. Buyers are distinct persons. Currencies are never summed.
    """
    money = ("paid_minor", "refunded_minor", "net_minor")
    return (
        credits.with_columns(pl.col("group_id").fill_null(UNATTRIBUTED))
        .group_by("model", "group_id", "currency")
        .agg(
            pl.struct("shop", "order_id").n_unique().cast(pl.Int64).alias("orders"),
            pl.col("person_id").n_unique().cast(pl.Int64).alias("buyers"),
            pl.col(money).sum(),
        )
    )


def _first(events: pl.LazyFrame, kind: str, condition: pl.Expr) -> pl.LazyFrame:
    """The first event of a kind an order, by the ordering key."""
    return (
        events.filter((pl.col("type") == kind) & condition)
        .select(
            *_ORDER,
            *ORDERING_KEY,
            "person_id",
            "group_id",
            "message_id",
            pl.col("time").alias("touched_at"),
            "currency",
            "amount_minor",
        )
        .sort(ORDERING_KEY)
        .unique(_ORDER, keep="first", maintain_order=True)
    )


def _clicked(events: pl.LazyFrame, paid: pl.LazyFrame, look_back: dt.timedelta) -> pl.LazyFrame:
    """The last click with a group before each payment, where it is not too old: the order and the touch."""
    clicks = events.filter(
        (pl.col("type") == kinds.LINK_CLICKED) & pl.col("group_id").is_not_null() & pl.col("person_id").is_not_null()
    ).select(
        "person_id",
        *ORDERING_KEY,
        pl.struct("group_id", "message_id", touched_at="time").alias("touch"),
    )
    return (
        pl.concat(
            [clicks, paid.select("person_id", *ORDERING_KEY, pl.struct(_ORDER).alias("order"))],
            how="diagonal",
        )
        .sort("person_id", *ORDERING_KEY)
        .with_columns(pl.col("touch").forward_fill().over("person_id"))
        .filter(pl.col("order").is_not_null())
        .unnest("order", "touch")
        .filter(pl.col("touched_at") >= pl.col("time") - look_back)
        .select(*_ORDER, *_TOUCH)
    )


def _refunds(events: pl.LazyFrame) -> pl.LazyFrame:
    return (
        events.filter(pl.col("type") == kinds.ORDER_REFUNDED)
        .group_by(*_ORDER, "currency")
        .agg(pl.col("amount_minor").sum().alias("refunded_minor"))
    )
