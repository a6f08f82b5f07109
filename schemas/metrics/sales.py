"""What was sold, how much of it is credited to groups, and the value of buyers."""

from __future__ import annotations

from typing import Final

from schemas import warehouse
from schemas.columns import MINOR
from schemas.dataset import Dataset
from schemas.metric import Distinct, Metric, Middle, Ratio, Rows, Sum
from schemas.paths import NONE

_CREDIT: Final = Dataset(
    warehouse.order_credit, "sales", by=("model", "currency", "shop", "group_id", "message_id"), day="paid_at"
)
_REFUND: Final = Dataset(warehouse.order_refund, "sales", by=("currency", "shop"), day="refunded_at")
_ORDER: Final = Dataset(
    warehouse.customer_order, "sales", by=("currency", "shop", "is_repeat", "order_number"), day="day"
)
_ITEM: Final = Dataset(warehouse.order_item, "sales", by=("currency", "shop", "product_id"), day="day")
_COHORT: Final = Dataset(warehouse.revenue_cohort, "sales", by=("cohort", "period", "currency"), start="cohort")
_VALUE: Final = Dataset(
    warehouse.person_value,
    "sales",
    by=("currency", "recency_score", "frequency_score", "monetary_score", "unmodelled"),
)

_SPEND: Final = Dataset(warehouse.spend_day, "sales", by=("group_id", "campaign", "currency"), day="day")
_RETURN: Final = Dataset(warehouse.spend_return, "sales", by=("model", "currency", "group_id"), day="day")

_PATH: Final = Dataset(warehouse.conversion_path, "sales", by=("month", "path", "touchpoints"), start="month")
_PATH_SALES: Final = Dataset(warehouse.conversion_path_sales, "sales", by=("month", "path", "currency"), start="month")

_OF_MODEL: Final = ("model",)
_OF_MONEY: Final = ("model", "currency")
_ORDERS: Final = Distinct(("shop", "order_id"), ("currency", "shop", "day", "week", "month", "weekday"))
"""Counts paid orders: each has one shop, currency and payment, and may be credited to several messages and groups."""

_TOUCHED: Final = f"path <> '{NONE}'"

METRICS: Final = (
    Metric("paid_orders", _CREDIT, _ORDERS,
           "orders that were paid; by group: those of which the group is credited any share", "orders",
           within=_OF_MODEL),
    Metric("buyers", _CREDIT, Distinct(("person_id",)), "persons who paid for an order", "persons", within=_OF_MODEL),
    Metric("gross_sales", _CREDIT, Sum(("paid_minor",)), "amount paid", MINOR, "money", within=_OF_MONEY),
    Metric("refunded_sales", _CREDIT, Sum(("refunded_minor",)),
           "amount refunded until now, dated by the payment", MINOR, "money", within=_OF_MONEY),
    Metric("net_sales", _CREDIT, Sum(("net_minor",)), "amount paid less refunded", MINOR, "money", within=_OF_MONEY),
    Metric("credited_sales", _CREDIT, Sum(("net_minor",), "group_id IS NOT NULL"),
           "amount paid less refunded that is credited to messages of groups", MINOR, "money", within=_OF_MONEY),
    Metric("credited_share", _CREDIT, Ratio(Sum(("net_minor",), "group_id IS NOT NULL"), Sum(("net_minor",))),
           "share of net sales that messages of groups are credited with", "share, 0 to 1", "percent",
           within=_OF_MONEY),
    Metric("refund_share", _CREDIT, Ratio(Sum(("refunded_minor",)), Sum(("paid_minor",))),
           "amount refunded / amount paid", "share", "percent", within=_OF_MONEY),
    Metric("net_sales_per_order", _CREDIT, Ratio(Sum(("net_minor",)), _ORDERS),
           "amount paid less refunded, per paid order", MINOR, "money", within=_OF_MONEY),
    Metric("refunds", _REFUND, Rows(), "refunds of paid orders", "refunds"),
    Metric("money_back", _REFUND, Sum(("refunded_minor",)), "amount refunded, dated by the refund", MINOR,
           "money", within=("currency",)),
    Metric("spend", _SPEND, Sum(("spend_minor",)), "amount spent on groups and campaigns", MINOR, "money",
           within=("currency",)),
    Metric("spend_on_groups", _RETURN, Sum(("spend_minor",)), "amount spent, to be compared with sales_from_spend",
           MINOR, "money", within=_OF_MONEY),
    Metric("sales_from_spend", _RETURN, Sum(("net_minor",)),
           "amount paid less refunded that groups are credited with, in currencies in which anything was spent", MINOR,
           "money", within=_OF_MONEY),
    Metric("return_on_spend", _RETURN, Ratio(Sum(("net_minor",)), Sum(("spend_minor",))),
           "amount paid less refunded that groups are credited with, for each unit spent; null where nothing was",
           "ratio", "number", within=_OF_MONEY),
    Metric("valued_buyers", _VALUE, Rows(), "persons who bought, counted once in each currency", "persons",
           within=("currency",)),
    Metric("lifetime_sales", _VALUE, Sum(("net_minor",)), "amount that buyers paid less refunded until now", MINOR,
           "money", within=("currency",)),
    Metric("orders_per_buyer", _VALUE, Ratio(Sum(("orders",)), Rows()), "paid orders per buyer", "orders",
           "number", within=("currency",)),
    Metric("median_recency_days", _VALUE, Middle("recency_days"), "median days since the last order of a buyer",
           "days", "number", within=("currency",)),
    Metric("median_p_alive", _VALUE, Middle("p_alive"), "median probability that a buyer still buys",
           "share, 0 to 1", "percent", within=("currency",)),
    Metric("orders_placed_again", _ORDER, Rows("is_repeat"), "paid orders of buyers who had paid for one before",
           "orders"),
    Metric("repeat_share", _ORDER, Ratio(Rows("is_repeat"), Rows("is_repeat IS NOT NULL")),
           "share of paid orders of known buyers whose buyer had paid for one before", "share, 0 to 1", "percent"),
    Metric("new_buyers", _ORDER, Rows("order_number = 1"), "persons who paid for their first order", "persons"),
    Metric("average_order", _ORDER, Ratio(Sum(("paid_minor",)), Rows()), "amount paid per paid order", MINOR,
           "money", within=("currency",)),
    Metric("discount_share", _ORDER, Ratio(Sum(("discount_minor",)), Sum(("gross_minor",))),
           "discount over what the lines of orders cost", "share, 0 to 1", "percent", within=("currency",)),
    Metric("median_days_to_refund", _ORDER, Middle("days_to_refund"),
           "median days from the payment to the first refund, of refunded orders", "days", "number"),
    Metric("lines_sold", _ITEM, Rows(), "lines of paid orders", "lines"),
    Metric("items_sold", _ITEM, Sum(("quantity",)), "items sold, of orders that give quantities", "items"),
    Metric("item_sales", _ITEM, Sum(("item_minor",)),
           "price of the items in paid orders, of orders that give prices", MINOR,
           "money", within=("currency",)),
    Metric("cohort_sales", _COHORT, Sum(("net_minor",)),
           "amount that the buyers of a month paid less refunded in the months since", MINOR, "money",
           within=("currency",)),
    Metric("cohort_sales_per_buyer", _COHORT, Ratio(Sum(("net_minor",)), Sum(("cohort_size",))),
           "amount paid less refunded the given number of months later, per buyer of a month", MINOR, "money",
           within=("period", "currency")),
    Metric("buyers_kept", _COHORT, Ratio(Sum(("buyers",)), Sum(("cohort_size",))),
           "share of the buyers of a month who paid for an order so many months later", "share, 0 to 1", "percent",
           within=("period", "currency")),
    Metric("orders_by_path", _PATH, Sum(("orders",)),
           "paid orders, by what their buyers clicked, viewed and put into the cart before", "orders"),
    Metric("paths_without_order", _PATH, Sum(("lost",)),
           "weeks of persons with touchpoints that no order followed within look-back", "paths"),
    Metric("path_conversion", _PATH, Ratio(Sum(("orders",), _TOUCHED), Sum(("orders", "lost"), _TOUCHED)),
           "share of the paths with touchpoints that led to an order, of those whose look-back has passed",
           "share, 0 to 1", "percent"),
    Metric("time_to_order", _PATH, Ratio(Sum(("seconds_to_order",)), Sum(("orders",), _TOUCHED)),
           "mean time from the first touchpoint of an order to its payment", "seconds", "seconds"),
    Metric("sales_by_path", _PATH_SALES, Sum(("net_minor",)),
           "amount paid less refunded, by what buyers clicked, viewed and put into the cart before", MINOR, "money",
           within=("currency",)),
)  # fmt: skip
