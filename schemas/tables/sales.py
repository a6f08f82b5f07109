"""What was sold, which groups it is credited to, and the value of buyers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from schemas import warehouse
from schemas.columns import ALWAYS, COLUMNS, MINOR, Meaning
from schemas.table import COMPLETE_DAYS, UTC_TIME, LakeTable, as_in_warehouse, copied, each
from schemas.tables.engagement import FIRST_SEEN
from schemas.tables.groups import GROUP
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, ORDERING_KEY, TOUCHED
from schemas.tables.members import MEMBER_CHANGE

MONEY_SUM: Final = pl.Decimal(38, 0)
"""Type of sums of amounts. One amount is at most 2 ** 62 (`schemas.kinds.MOST_MINOR`), so 10 ** 19 of them fit."""

_MONEY: Final = ("paid_minor", "refunded_minor", "net_minor")
_ORDER: Final = EVENTS.of("type", "source", "order_id", *ORDERING_KEY)
_TOUCHES: Final = (
    *EVENTS.of("group_id", "message_id", "product_id", "role", "message_kind", "account_id"),
    *_ORDER,
    *MEMBER_CHANGE.of("group_id", "account_id", "change", "role", "is_derived", "earliest_at", *ORDERING_KEY),
    *IDENTITY.of("person_id"),
)

ORDER_CREDIT: Final = LakeTable(
    name="order_credit",
    group="sales",
    description="""Credit of paid orders to messages of groups, in minor units, by model; without group: unattributed. \
Over a model's rows of an order, each amount sums to the order's. `shop` is the source of its events, `touched_at` the \
message's latest touch, `month` that of `paid_at`, in UTC.""",
    columns={
        "model": pl.String(),
        "shop": pl.String(),
        "order_id": pl.String(),
        "person_id": pl.String(),
        "group_id": pl.String(),
        "message_id": pl.String(),
        "touched_at": UTC_TIME,
        "paid_at": UTC_TIME,
        "currency": pl.String(),
        "paid_minor": pl.Int64(),
        "refunded_minor": pl.Int64(),
        "net_minor": pl.Int64(),
        "month": pl.Date(),
    },
    key=("model", "shop", "order_id", "group_id", "message_id"),
    partition_by=("month",),
    meanings={"month": Meaning("first day of the month of `paid_at` in UTC; partitions the table")},
    made_of={
        "model": (),
        "shop": EVENTS.of("source"),
        "order_id": EVENTS.of("order_id"),
        "person_id": EVENTS.of("account_id") + IDENTITY.of("person_id"),
        **each(("group_id", "message_id", "touched_at"), _TOUCHES),
        **each(("paid_at", "month"), EVENTS.of("type", "time")),
        "currency": EVENTS.of("currency"),
        **each(_MONEY, EVENTS.of("amount_minor", "currency"), _TOUCHES),
    },
    guided_by=(FIRST_SEEN, TOUCHED, IDENTITY_CHANGE),
    settings=("rules.attribution_models", "rules.look_back_days", "rules.half_life_days"),
    code_version=2,
)

ORDER_REFUND: Final = LakeTable(
    name="order_refund",
    group="sales",
    description="""Refunds of paid orders, in the currency of the payment. The refunds of an order sum to what its \
credit counts as refunded. `shop` is the source of its events, `month` that of `refunded_at`, in UTC.""",
    columns={
        "shop": pl.String(),
        "event_id": pl.String(),
        "order_id": pl.String(),
        "refunded_at": UTC_TIME,
        "currency": pl.String(),
        "refunded_minor": pl.Int64(),
        "month": pl.Date(),
    },
    key=("shop", "event_id"),
    partition_by=("month",),
    sort_by=("shop", "order_id", "refunded_at"),
    meanings={
        "event_id": Meaning("CloudEvents id of the refund, unique in its shop"),
        "refunded_at": Meaning("when the money was paid back, UTC"),
        "refunded_minor": Meaning("amount of this refund, in minor units of the currency", MINOR, ("currency",)),
        "month": Meaning("first day of the month of `refunded_at` in UTC; partitions the table"),
    },
    made_of={
        "shop": EVENTS.of("source"),
        "event_id": EVENTS.of("event_id"),
        "order_id": EVENTS.of("type", "order_id"),
        **each(("refunded_at", "month"), EVENTS.of("time")),
        "currency": EVENTS.of("currency"),
        "refunded_minor": EVENTS.of("amount_minor"),
    },
    guided_by=(IDENTITY, IDENTITY_CHANGE, TOUCHED),
    code_version=1,
    computed_with=("order_refund", "order_item", "customer_order"),
)

_FIRST_OF: Final = EVENTS.of("type", "source", "order_id", *ORDERING_KEY)
_LISTED: Final = EVENTS.of("items", "product_id", "amount_minor") + _FIRST_OF

ORDER_ITEM: Final = LakeTable(
    name="order_item",
    group="sales",
    description="""Lines of paid orders. They come from the payment, or else from the event that placed the order, or \
else are the one product that the payment names. `month` is that of `day`.""",
    columns={
        "shop": pl.String(),
        "order_id": pl.String(),
        "line": pl.Int32(),
        "product_id": pl.String(),
        "quantity": pl.Int64(),
        "currency": pl.String(),
        "item_minor": pl.Int64(),
        "day": pl.Date(),
        "month": pl.Date(),
    },
    key=("shop", "order_id", "line"),
    partition_by=("month",),
    made_of={
        "shop": EVENTS.of("source"),
        "order_id": EVENTS.of("order_id"),
        **each(("line", "product_id", "quantity", "item_minor"), _LISTED),
        **copied(EVENTS, "currency", "day", "month"),
    },
    guided_by=(IDENTITY, IDENTITY_CHANGE, TOUCHED),
    code_version=1,
    computed_with=("order_refund", "order_item", "customer_order"),
)

CUSTOMER_ORDER: Final = LakeTable(
    name="customer_order",
    group="sales",
    description="""Paid orders: number among the buyer's orders, price, and what was refunded and when. `month` is \
that of `day`.""",
    columns={
        "shop": pl.String(),
        "order_id": pl.String(),
        "person_id": pl.String(),
        "order_number": pl.Int32(),
        "paid_at": UTC_TIME,
        "day": pl.Date(),
        "currency": pl.String(),
        "lines": pl.Int32(),
        "gross_minor": pl.Int64(),
        "discount_minor": pl.Int64(),
        "paid_minor": pl.Int64(),
        "refunded_minor": pl.Int64(),
        "net_minor": pl.Int64(),
        "first_refunded_at": UTC_TIME,
        "days_to_refund": pl.Int32(),
        "month": pl.Date(),
    },
    key=("shop", "order_id"),
    partition_by=("month",),
    meanings={name: replace(COLUMNS[name], within=("currency",)) for name in _MONEY},
    made_of={
        "shop": EVENTS.of("source"),
        "order_id": EVENTS.of("order_id"),
        **each(("person_id", "order_number"), EVENTS.of("account_id"), IDENTITY.of("person_id"), _FIRST_OF),
        "paid_at": _FIRST_OF,
        **copied(EVENTS, "day", "currency", "month"),
        "lines": _LISTED,
        **each(("gross_minor", "discount_minor", "paid_minor"), _LISTED),
        **each(("refunded_minor", "net_minor"), EVENTS.of("amount_minor", "currency"), _FIRST_OF),
        **each(("first_refunded_at", "days_to_refund"), _FIRST_OF),
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    code_version=1,
    computed_with=("order_refund", "order_item", "customer_order"),
)

_BOUGHT: Final = ORDER_CREDIT.of("model", "shop", "order_id", "person_id", "paid_at")

PERSON_VALUE: Final = LakeTable(
    name="person_value",
    group="sales",
    description="Value of buyers on `day`, the newest complete one: RFM by currency, and BG/NBD for the next 28 days.",
    columns={
        "person_id": pl.String(),
        "currency": pl.String(),
        "day": pl.Date(),
        "recency_days": pl.Int32(),
        "orders": pl.Int64(),
        "net_minor": MONEY_SUM,
        "recency_score": pl.Int32(),
        "frequency_score": pl.Int32(),
        "monetary_score": pl.Int32(),
        "p_alive": pl.Float64(),
        "expected_purchases": pl.Float64(),
        "unmodelled": pl.String(),
    },
    key=("person_id", "currency"),
    meanings={
        "day": Meaning("the newest complete day, which all columns refer to"),
        "orders": Meaning("number of paid orders of the person", "orders", ALWAYS),
        "net_minor": Meaning(
            "amount paid less refunded, in minor units of the currency, at least 0", MINOR, ("currency",)
        ),
    },
    made_of={
        **copied(ORDER_CREDIT, "person_id", "currency"),
        "day": EVENTS.of("time"),
        **each(("recency_days", "orders", "recency_score", "frequency_score"), _BOUGHT),
        **each(("net_minor", "monetary_score"), ORDER_CREDIT.of("net_minor"), _BOUGHT),
        **each(("p_alive", "expected_purchases", "unmodelled"), _BOUGHT),
    },
    settings=COMPLETE_DAYS,
    code_version=2,
)

REVENUE_COHORT: Final = as_in_warehouse(
    warehouse.revenue_cohort,
    "sales",
    {
        **each(("cohort", "cohort_size", "buyers"), CUSTOMER_ORDER.of("person_id", "day")),
        "period": CUSTOMER_ORDER.of("person_id", "day") + EVENTS.of("time"),
        **copied(CUSTOMER_ORDER, "currency", *_MONEY),
        "orders": CUSTOMER_ORDER.of("order_id"),
    },
    settings=COMPLETE_DAYS,
)

_POINTS: Final = (
    *EVENTS.of("type", "role", "group_id", "account_id", "day", *ORDERING_KEY),
    *IDENTITY.of("person_id"),
    *CUSTOMER_ORDER.of("person_id", "paid_at"),
)

PERSON_PATH: Final = LakeTable(
    name="person_path",
    group="sales",
    description="""The touchpoints that led to each order, and, by calendar week, those of a person that no order \
followed. `month` is that of the payment, or else of the last touchpoint.""",
    columns={
        "person_id": pl.String(),
        "shop": pl.String(),
        "order_id": pl.String(),
        "week": pl.Date(),
        "touchpoints": pl.List(pl.String()),
        "started_at": UTC_TIME,
        "ended_at": UTC_TIME,
        "month": pl.Date(),
    },
    key=("person_id", "week", "shop", "order_id"),
    partition_by=("month",),
    meanings={
        "person_id": Meaning("pseudonym of the person; null: the buyer is unknown"),
        "order_id": Meaning("order, unique in its shop; null: the path led to none"),
        "week": Meaning("Monday of the week of a path that led to no order, in the business zone"),
        "touchpoints": Meaning("in order: the group of a clicked link, view (of a product), or cart"),
        "started_at": Meaning("the first touchpoint, UTC; null: none has a time"),
        "ended_at": Meaning("the payment, or else the last touchpoint, UTC"),
        "month": Meaning("first day of the month in which the path ended; partitions the table"),
    },
    made_of={
        "person_id": EVENTS.of("account_id") + IDENTITY.of("person_id") + CUSTOMER_ORDER.of("person_id"),
        **copied(CUSTOMER_ORDER, "shop", "order_id"),
        "week": _POINTS,
        "touchpoints": (*_POINTS, *EVENTS.of("source", "order_id")),
        **each(("started_at", "ended_at"), _POINTS),
        "month": (*_POINTS, *CUSTOMER_ORDER.of("month")),
    },
    guided_by=(TOUCHED, IDENTITY_CHANGE),
    settings=("rules.look_back_days",),
    code_version=1,
)

_PATH: Final = {
    **copied(PERSON_PATH, "month"),
    "path": PERSON_PATH.of("touchpoints") + GROUP.of("group_id", "purpose"),
    "orders": PERSON_PATH.of("order_id"),
}

CONVERSION_PATH: Final = as_in_warehouse(
    warehouse.conversion_path,
    "sales",
    {
        **_PATH,
        "touchpoints": PERSON_PATH.of("touchpoints") + GROUP.of("group_id", "purpose"),
        "persons": PERSON_PATH.of("person_id"),
        **each(("lost", "open"), PERSON_PATH.of("order_id", "ended_at"), EVENTS.of("time")),
        "seconds_to_order": PERSON_PATH.of("order_id", "started_at", "ended_at"),
    },
    settings=(*COMPLETE_DAYS, "rules.look_back_days"),
)

CONVERSION_PATH_SALES: Final = as_in_warehouse(
    warehouse.conversion_path_sales,
    "sales",
    {**_PATH, **copied(CUSTOMER_ORDER, "currency", *_MONEY)},
)

_SUMS: Final = {
    **copied(ORDER_CREDIT, "model", "currency", *_MONEY),
    "orders": ORDER_CREDIT.of("shop", "order_id"),
    "buyers": ORDER_CREDIT.of("person_id"),
}

GROUP_SALES: Final = as_in_warehouse(warehouse.group_sales, "sales", {**copied(ORDER_CREDIT, "group_id"), **_SUMS})

GROUP_SALES_DAY: Final = as_in_warehouse(
    warehouse.group_sales_day,
    "sales",
    {**copied(ORDER_CREDIT, "group_id"), "day": ORDER_CREDIT.of("paid_at"), **_SUMS},
    settings=("rules.zone",),
)

SPEND_DAY: Final = as_in_warehouse(
    warehouse.spend_day,
    "sales",
    {
        **{name: EVENTS.of("type", name) for name in ("group_id", "campaign", "day", "currency")},
        "spend_minor": EVENTS.of("type", "amount_minor"),
    },
    guided_by=(TOUCHED,),
)

SPEND_RETURN: Final = as_in_warehouse(
    warehouse.spend_return,
    "sales",
    {
        "model": GROUP_SALES_DAY.of("model"),
        **{name: GROUP_SALES_DAY.of(name) + SPEND_DAY.of(name) for name in ("group_id", "day", "currency")},
        "spend_minor": SPEND_DAY.of("spend_minor"),
        "net_minor": GROUP_SALES_DAY.of("net_minor"),
    },
)

MESSAGE_SALES: Final = as_in_warehouse(
    warehouse.message_sales,
    "sales",
    {**copied(ORDER_CREDIT, "group_id"), "message_id": ORDER_CREDIT.of("group_id", "message_id"), **_SUMS},
)

SEGMENT_SALES: Final = as_in_warehouse(
    warehouse.segment_sales,
    "sales",
    {
        "breakdown": (),
        "segment": ORDER_CREDIT.of("group_id") + GROUP.of("purpose", "carrier"),
        **_SUMS,
    },
)
