"""Facts on orders: number among the buyer's orders, price, refunds, and lines.

See docs/definitions.md#orders.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.funnel.orders import order_refunds
from schemas import kinds
from schemas.lake import CUSTOMER_ORDER, MONEY_SUM, ORDER_ITEM, ORDERING_KEY

EVENT_COLUMNS: Final = tuple(
    dict.fromkeys((
        *ORDERING_KEY, "type", "source", "event_id", "order_id", "day", "month", "person_id", "product_id", "items",
        "currency", "amount_minor",
    ))
)  # fmt: skip
"""Columns of `schemas.lake.EVENTS`, and `person_id`, that the facts on orders use."""

_ORDER: Final = ("shop", "order_id")
_HAS_ITEMS: Final = pl.col("items").list.len() > 0


def order_rows(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the facts on paid orders that do not depend on other orders.

    Args:
        events: `EVENT_COLUMNS` of distinct events, in any order: all events of some orders.

    Returns:
        `schemas.lake.CUSTOMER_ORDER` without the columns of `numbered`: a row per order.
    """
    refunds = (
        order_refunds(events)
        .group_by(_ORDER)
        .agg(
            pl.col("refunded_minor").cast(MONEY_SUM).sum().clip(upper_bound=kinds.MOST_MINOR).cast(pl.Int64),
            first_refunded_at=pl.col("refunded_at").min(),
        )
    )
    listed = (
        _items(events)
        .group_by(_ORDER)
        .agg(
            lines=pl.len().cast(pl.Int32),
            # If one amount is unknown, so is the sum.
            listed_minor=pl.when(pl.col("item_minor").is_not_null().all()).then(
                pl.col("item_minor").cast(MONEY_SUM).sum().clip(upper_bound=kinds.MOST_MINOR).cast(pl.Int64)
            ),
        )
    )
    # Clocks of two systems may differ, so a refund is not dated before the payment.
    waited = (pl.col("first_refunded_at") - pl.col("paid_at")).dt.total_days().clip(lower_bound=0)
    return (
        _payments(events)
        .select(*_ORDER, "person_id", "currency", "day", "month", paid_at="time", paid_minor="amount_minor")
        .join(refunds, on=_ORDER, how="left")
        .join(listed, on=_ORDER, how="left")
        .with_columns(
            pl.col("refunded_minor").fill_null(0),
            pl.col("lines").fill_null(0),
            gross_minor=pl.max_horizontal("paid_minor", "listed_minor"),
        )
        .with_columns(
            discount_minor=pl.col("gross_minor") - pl.col("paid_minor"),
            net_minor=pl.max_horizontal(0, pl.col("paid_minor") - pl.col("refunded_minor")),
            days_to_refund=waited.cast(pl.Int32),
        )
    )


def numbered(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Number the orders of each buyer.

    Args:
        orders: `order_rows` of all orders of some buyers.

    Returns:
        `schemas.lake.CUSTOMER_ORDER`.
    """
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("person_id")
    return (
        orders.sort("paid_at", *_ORDER)
        .with_columns(order_number=pl.when(pl.col("person_id").is_not_null()).then(number))
        .select(CUSTOMER_ORDER.schema.names())
    )


def order_items(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the lines of paid orders.

    Args:
        events: `EVENT_COLUMNS` of distinct events, in any order: all events of some orders.

    Returns:
        `schemas.lake.ORDER_ITEM`: a row per line.
    """
    return _items(events).select(ORDER_ITEM.schema.names())


def _payments(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the first payment of each order."""
    paid = events.filter((pl.col("type") == kinds.ORDER_PAID) & pl.col("order_id").is_not_null())
    return paid.sort(ORDERING_KEY).unique(("source", "order_id"), keep="first").rename({"source": "shop"})


def _items(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return `schemas.lake.ORDER_ITEM`, the lines of paid orders.

    They are those of the payment, or else of the first `order.placed` with lines, or else the one product that the
    payment names, with the price that was paid.
    """
    placed = (
        events.filter((pl.col("type") == kinds.ORDER_PLACED) & pl.col("order_id").is_not_null() & _HAS_ITEMS)
        .sort(ORDERING_KEY)
        .unique(("source", "order_id"), keep="first")
        .select("order_id", shop="source", placed_items="items")
    )
    only = pl.concat_list(pl.struct("product_id", pl.lit(None, pl.Int64).alias("quantity"), "amount_minor"))
    items = pl.coalesce(
        pl.when(_HAS_ITEMS).then("items"), "placed_items", pl.when(pl.col("product_id").is_not_null()).then(only)
    )
    return (
        _payments(events)
        .join(placed, on=_ORDER, how="left")
        .select(*_ORDER, "currency", "day", "month", items=items)
        .filter(_HAS_ITEMS)
        .with_columns(line=pl.int_ranges(1, pl.col("items").list.len() + 1, dtype=pl.Int32))
        .explode("items", "line", empty_as_null=True)
        .unnest("items")
        .rename({"amount_minor": "item_minor"})
    )
