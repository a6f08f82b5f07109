"""Attribution: credit of orders to messages and groups (docs/definitions.md#attribution)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Final

import polars as pl

from pipelines.arrays import fixed, runs
from pipelines.funnel.apportionment import apportion
from pipelines.funnel.models import Paths, weigh
from pipelines.funnel.orders import ORDER_EVENTS, paid_orders
from pipelines.funnel.steps import is_own, is_product_message
from pipelines.funnel.touches import touches
from schemas import kinds
from schemas.attribution import MODELS, Model
from schemas.lake import ORDER_CREDIT, ORDERING_KEY

MONEY: Final = ("paid_minor", "refunded_minor", "net_minor")

_COLUMNS: Final = (
    *ORDERING_KEY,
    *("source", "type", "role", "group_id", "message_id", "message_kind", "product_id"),
    *("order_id", "currency", "amount_minor", "day", "earliest_at"),
)
EVENT_COLUMNS: Final = (*_COLUMNS, "account_id", "month")
"""Columns of `schemas.lake.EVENTS`, and `earliest_at`, by which events are chosen and that `order_credit` uses."""

_MICROSECOND: Final = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class AttributionRules:
    """How orders are credited.

    Attributes:
        models: Attribution models; each credits all orders in full.
        look_back: Longest time before the payment for a touch to count.
        half_life: Half-life of `time_decay`.
    """

    models: tuple[Model, ...] = MODELS
    look_back: dt.timedelta = dt.timedelta(days=7)
    half_life: dt.timedelta = dt.timedelta(days=7)


def order_credit(events: pl.LazyFrame, rules: AttributionRules = AttributionRules()) -> pl.LazyFrame:
    """Split each paid order over the messages that touched its buyer, by every model.

    Touches are those of `touches.touches`, weights those of `models.weigh`, payments and refunds those of
    `orders.paid_orders`. Each of the three amounts is apportioned separately, to the minor unit, by largest remainder;
    ties go by the order of the touches. So over an order's rows of a model every amount sums to the order's, but in one
    row paid less refunded may differ from net by a unit. The result does not depend on the order of arrival.

    Args:
        events: `schemas.lake.EVENTS` with `earliest_at` (`pipelines.groups.member_change.with_derived`) and
            `person_id`, distinct, in any order.
        rules: Models, look-back window and half-life.

    Returns:
        `schemas.lake.ORDER_CREDIT`: a row per model, order and message with weight, `touched_at` its latest touch; one
        row without a group if no message has weight.

    Examples:
        >>> import datetime as dt, polars as pl
        >>> from pipelines.funnel import order_credit
        >>> from schemas.lake import EVENTS, UTC_TIME
        >>> def event(type, hour, **more):
        ...     said = {"source": "shop", "topic_id": "t", "partition": 0, "offset": hour, "person_id": "ann"}
        ...     return {**said, "type": type, "time": dt.datetime(2025, 3, 3, hour, tzinfo=dt.UTC), **more}
        >>> order = {"order_id": "o1", "currency": "CNY"}
        >>> events = [
        ...     event("link.clicked", 8, group_id="qq:tea", message_id="m1"),
        ...     event("link.clicked", 9, group_id="qq:rice", message_id="m2"),
        ...     event("order.paid", 10, amount_minor=1001, **order),
        ...     event("order.refunded", 11, amount_minor=300, **order),
        ... ]
        >>> frame = pl.LazyFrame(events, schema={**EVENTS.schema, "earliest_at": UTC_TIME, "person_id": pl.String})
        >>> credit = order_credit(frame, AttributionRules(models=("last_click", "linear")))
        >>> credit.select("model", "group_id", "net_minor").sort(pl.all()).collect().rows()
        [('last_click', 'qq:rice', 701), ('linear', 'qq:rice', 350), ('linear', 'qq:tea', 351)]
    """
    bears = pl.any_horizontal(
        is_own(), is_product_message(), pl.col("type").is_in([*ORDER_EVENTS, kinds.LINK_CLICKED, kinds.MEMBER_LEFT])
    )
    return (
        events.filter(bears)
        .select(*_COLUMNS, "person_id")
        .map_batches(partial(_order_credit, rules=rules), schema=ORDER_CREDIT.schema)
    )


def _order_credit(events: pl.DataFrame, rules: AttributionRules) -> pl.DataFrame:
    events = events.sort(ORDERING_KEY).with_row_index("rank")
    orders = paid_orders(events)
    path = touches(orders, events, rules.look_back)
    met = path.select(events["group_id", "message_id"][path["rank"]])
    messages = met.unique().with_row_index("message")
    path = path.with_columns(
        met.join(messages, on=met.columns, how="left", nulls_equal=True, maintain_order="left")["message"],
        time=events["time"].gather(path["rank"]),
        paid_at=orders["paid_at"].gather(path["order"]),
    ).with_columns(time=pl.min_horizontal("time", "paid_at"))
    shares = _shares(path, orders, rules)
    touch = events["group_id", "message_id", "time"]
    return (
        pl.concat(
            [
                shares.select("model", *MONEY),
                touch.select(pl.all().gather(shares["rank"])).rename({"time": "touched_at"}),
                orders.select(pl.all().exclude(MONEY).gather(shares["order"])).rename({"source": "shop"}),
            ],
            how="horizontal",
        )
        .with_columns(month=pl.col("paid_at").dt.date().dt.month_start())
        .match_to_schema(ORDER_CREDIT.schema, extra_columns="ignore")
    )


def _shares(path: pl.DataFrame, orders: pl.DataFrame, rules: AttributionRules) -> pl.DataFrame:
    """Return `model, order, rank` of the latest touch of a message, and its amounts; null rank: unattributed."""
    owed, starts = runs(path["order"])
    paths = Paths(starts[:-1], fixed(path["time"]), fixed(path["is_click"]))
    totals = {name: fixed(orders[name].gather(owed)) for name in MONEY}
    nobody = pl.lit(None, pl.UInt32)
    parts: list[pl.DataFrame] = []
    for model in rules.models:
        weights = weigh(model, paths, rules.half_life // _MICROSECOND)
        amounts = [pl.Series(name, apportion(starts, weights, total)) for name, total in totals.items()]
        credited = (
            path.with_columns(amounts)
            .filter(pl.Series(weights > 0))
            .group_by("order", "message")
            .agg(pl.col("rank").max(), pl.col(MONEY).sum())
            .select("order", "rank", *MONEY)
        )
        others = orders.join(credited, on="order", how="anti").select("order", *MONEY, rank=nobody)
        parts.append(pl.concat([credited, others], how="diagonal").with_columns(model=pl.lit(model)))
    return pl.concat(parts)
