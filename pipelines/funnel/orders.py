"""Paid orders: buyer, amounts net of refunds, and the group that the shop names (docs/definitions.md#attribution)."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import kinds
from schemas.lake import MONEY_SUM, ORDER_REFUND, ORDERING_KEY

ORDER_EVENTS: Final = (kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.ORDER_REFUNDED)

_ORDER: Final = ("source", "order_id")
_REFUNDING: Final = (*_ORDER, "event_id", "type", "currency", "amount_minor", *ORDERING_KEY)


def paid_orders(events: pl.DataFrame) -> pl.DataFrame:
    """Return the paid orders.

    The first `order.paid` of an order (by shop and order id) is its payment; later ones are ignored. The payment, or
    else the first `order.placed` with a group, names the group whose link led to the order. Refunds are summed over all
    history in the currency of the payment, up to `kinds.MOST_MINOR`; if they exceed the payment, net is 0.

    Args:
        events: `schemas.lake.EVENTS` with `person_id` and `rank`, their position in the ordering key.

    Returns:
        A row per order, sorted by the rank of the payment: `order`, its number; `source, order_id, person_id,
        currency`; `rank` of the payment and `named`, that of the event that names a group, or null; `paid_at`, and in
        minor units `paid_minor`, `refunded_minor`, `net_minor`.
    """
    of_orders = events.filter(pl.col("type").is_in(ORDER_EVENTS) & pl.col("order_id").is_not_null())
    is_paid, is_placed = pl.col("type") == kinds.ORDER_PAID, pl.col("type") == kinds.ORDER_PLACED
    names_group = pl.col("group_id").is_not_null()
    refunds = (
        of_orders.filter(pl.col("type") == kinds.ORDER_REFUNDED)
        .group_by(*_ORDER, "currency")
        .agg(refunded_minor=pl.col("amount_minor").cast(MONEY_SUM).sum())
        # Beyond the highest amount, nothing is left of any payment.
        .with_columns(pl.col("refunded_minor").clip(upper_bound=kinds.MOST_MINOR).cast(pl.Int64))
    )
    placed = of_orders.filter(is_placed & names_group).group_by(_ORDER).agg(named=pl.col("rank").min())
    return (
        of_orders.filter(is_paid)
        .sort("rank")
        .unique(_ORDER, keep="first", maintain_order=True)
        .join(placed, on=_ORDER, how="left")
        .join(refunds, on=(*_ORDER, "currency"), how="left")
        .sort("rank")
        .with_row_index("order")
        .select(
            "order",
            *_ORDER,
            "person_id",
            "currency",
            "rank",
            named=pl.when(names_group).then("rank").otherwise("named"),
            paid_at="time",
            paid_minor="amount_minor",
            refunded_minor=pl.col("refunded_minor").fill_null(0),
        )
        .with_columns(net_minor=pl.max_horizontal(0, pl.col("paid_minor") - pl.col("refunded_minor")))
    )


def order_refunds(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the refunds that count: those of paid orders, in the currency of the payment.

    Args:
        events: `schemas.lake.EVENTS`, distinct, in any order: all payments and refunds of some orders.

    Returns:
        `schemas.lake.ORDER_REFUND`: a row per refund. The refunds of an order sum to its `refunded_minor` in
        `paid_orders` if that is less than `kinds.MOST_MINOR`.
    """
    is_either = pl.col("type").is_in([kinds.ORDER_PAID, kinds.ORDER_REFUNDED]) & pl.col("order_id").is_not_null()
    # Both use the events, which are read once.
    return events.filter(is_either).select(_REFUNDING).map_batches(_order_refunds, schema=ORDER_REFUND.schema)


def _order_refunds(events: pl.DataFrame) -> pl.DataFrame:
    payment = (
        events.filter(pl.col("type") == kinds.ORDER_PAID)
        .group_by(_ORDER)
        .agg(pl.col("currency").sort_by(ORDERING_KEY).first())
    )
    refunds = events.filter(pl.col("type") == kinds.ORDER_REFUNDED)
    return (
        refunds.join(payment, on=(*_ORDER, "currency"), how="semi")
        .select(
            "event_id",
            "order_id",
            "currency",
            shop="source",
            refunded_at="time",
            refunded_minor="amount_minor",
            month=pl.col("time").dt.date().dt.month_start(),
        )
        .select(ORDER_REFUND.schema.names())
    )
