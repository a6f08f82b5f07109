"""What was sold, what of it groups are credited with, and what buyers are worth."""

from __future__ import annotations

from typing import Final

from schemas import warehouse
from schemas.columns import MINOR
from schemas.dataset import Dataset
from schemas.metric import Distinct, Metric, Middle, Ratio, Rows, Sum

_CREDIT: Final = Dataset(
    warehouse.order_credit, "sales", by=("model", "currency", "shop", "group_id", "message_id"), day="paid_at"
)
_REFUND: Final = Dataset(warehouse.order_refund, "sales", by=("currency", "shop"), day="refunded_at")
_VALUE: Final = Dataset(
    warehouse.person_value,
    "sales",
    by=("currency", "recency_score", "frequency_score", "monetary_score", "unmodelled"),
)

_OF_MODEL: Final = ("model",)
_OF_MONEY: Final = ("model", "currency")
_ORDERS: Final = Distinct(("shop", "order_id"), ("currency", "shop", "day", "week", "month", "weekday"))
"""Paid orders: each has one shop, currency and payment, and may be credited to several messages and groups."""

METRICS: Final = (
    Metric("paid_orders", _CREDIT, _ORDERS, "orders that were paid; by group: those with any share in it", "orders",
           within=_OF_MODEL),
    Metric("buyers", _CREDIT, Distinct(("person_id",)), "persons who paid for an order", "persons", within=_OF_MODEL),
    Metric("gross_sales", _CREDIT, Sum(("paid_minor",)), "amount paid", MINOR, "money", within=_OF_MONEY),
    Metric("refunded_sales", _CREDIT, Sum(("refunded_minor",)),
           "amount refunded until now of what was paid, at the time of the payment", MINOR, "money", within=_OF_MONEY),
    Metric("net_sales", _CREDIT, Sum(("net_minor",)), "amount paid less refunded", MINOR, "money", within=_OF_MONEY),
    Metric("credited_sales", _CREDIT, Sum(("net_minor",), "group_id IS NOT NULL"),
           "amount paid less refunded that messages of groups are credited with", MINOR, "money", within=_OF_MONEY),
    Metric("credited_share", _CREDIT, Ratio(Sum(("net_minor",), "group_id IS NOT NULL"), Sum(("net_minor",))),
           "share of net sales that messages of groups are credited with", "share, 0 to 1", "percent",
           within=_OF_MONEY),
    Metric("refund_share", _CREDIT, Ratio(Sum(("refunded_minor",)), Sum(("paid_minor",))),
           "amount refunded over amount paid", "share", "percent", within=_OF_MONEY),
    Metric("net_sales_per_order", _CREDIT, Ratio(Sum(("net_minor",)), _ORDERS),
           "amount paid less refunded for each paid order", MINOR, "money", within=_OF_MONEY),
    Metric("refunds", _REFUND, Rows(), "refunds of paid orders", "refunds"),
    Metric("money_back", _REFUND, Sum(("refunded_minor",)), "amount refunded, at the time of the refund", MINOR,
           "money", within=("currency",)),
    Metric("valued_buyers", _VALUE, Rows(), "persons who bought, once in each currency", "persons",
           within=("currency",)),
    Metric("lifetime_sales", _VALUE, Sum(("net_minor",)), "amount that buyers paid less refunded until now", MINOR,
           "money", within=("currency",)),
    Metric("orders_per_buyer", _VALUE, Ratio(Sum(("orders",)), Rows()), "paid orders for each buyer", "orders",
           "number", within=("currency",)),
    Metric("median_recency_days", _VALUE, Middle("recency_days"), "median days since the last order of a buyer",
           "days", "number", within=("currency",)),
    Metric("median_p_alive", _VALUE, Middle("p_alive"), "median probability that a buyer still buys",
           "share, 0 to 1", "percent", within=("currency",)),
)  # fmt: skip
