"""Tables of sales and costs by group, message, segment and buyer."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from schemas.columns import ALWAYS, COLUMNS, MINOR, says
from schemas.mart_columns import amount, count, metadata, money_sum, number

_SOLD: Final = ("paid", "refunded", "net")


def _sold() -> tuple[sa.Column[Any], ...]:
    """Return the columns of sums of sales."""
    return (
        count("orders"),
        count("buyers"),
        *(money_sum(f"{name}_minor") for name in _SOLD),
        *(amount(name, ("model", "currency")) for name in _SOLD),
    )


group_sales = sa.Table(
    "group_sales",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed' is a row of its own"),
    sa.Column("currency", sa.Text, primary_key=True),
    *_sold(),
    comment="Sales credited to each group, by model and currency; orders and buyers do not add up over groups.",
)

group_sales_day = sa.Table(
    "group_sales_day",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed' is a row of its own"),
    sa.Column("day", sa.Date, primary_key=True, comment="day of the payment, of the business zone"),
    sa.Column("currency", sa.Text, primary_key=True),
    *_sold(),
    sa.Index(None, "day"),
    comment="Sales credited to each group on each day, by model and currency.",
)

spend_day = sa.Table(
    "spend_day",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed': spent on no single group"),
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    money_sum("spend_minor", **says("amount spent, in minor units of the currency", MINOR, ("currency",))),
    amount("spend", ("currency",)),
    comment="What the company spent on groups and campaigns: one row per group, campaign, day and currency.",
)

spend_return = sa.Table(
    "spend_return",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed': spent on no single group"),
    sa.Column("day", sa.Date, primary_key=True, comment="day of the cost, or of the payment"),
    sa.Column("currency", sa.Text, primary_key=True),
    *(
        money_sum(f"{name}_minor", **says(f"{text}, in minor units of the currency", MINOR, ("model", "currency")))
        for name, text in (
            ("spend", "amount spent, again for each model"),
            ("net", "amount paid less refunded that the group is credited with"),
        )
    ),
    *(amount(name, ("model", "currency")) for name in ("spend", "net")),
    sa.Index(None, "day"),
    comment="What was spent beside what was sold from groups, in currencies in which anything was spent.",
)

message_sales = sa.Table(
    "message_sales",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("group_id", sa.Text, primary_key=True, comment="'unattributed' is a row of its own"),
    sa.Column("message_id", sa.Text, primary_key=True, comment="'unknown' if no event names the message"),
    sa.Column("currency", sa.Text, primary_key=True),
    *_sold(),
    comment="Sales credited to each message, by model and currency; sales of no group are in the row of message "
    "'unattributed'.",
)

segment_sales = sa.Table(
    "segment_sales",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("breakdown", sa.Text, primary_key=True, comment="purpose or carrier of the group"),
    sa.Column("segment", sa.Text, primary_key=True, comment="'unattributed' and 'unknown' are rows of their own"),
    sa.Column("currency", sa.Text, primary_key=True),
    count("orders"),
    count("buyers"),
    *(
        money_sum(name, **says(COLUMNS[name].text, MINOR, ("model", "breakdown", "currency")))
        for name in ("paid_minor", "refunded_minor", "net_minor")
    ),
    *(amount(name, ("model", "breakdown", "currency")) for name in ("paid", "refunded", "net")),
    comment="Sales credited to groups of each purpose and of each carrier; each breakdown sums to all sales.",
)

person_value = sa.Table(
    "person_value",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True, comment="ISO 4217; scores compare buyers in it"),
    sa.Column("day", sa.Date, nullable=False, comment="the newest complete day"),
    sa.Column("recency_days", sa.Integer, nullable=False),
    number("orders", "number of paid orders of the person", "orders", ALWAYS),
    money_sum(
        "net_minor",
        **says("amount paid less refunded, in minor units of the currency, at least 0", MINOR, ("currency",)),
    ),
    amount("net", ("currency",)),
    sa.Column("recency_score", sa.Integer, nullable=False),
    sa.Column("frequency_score", sa.Integer, nullable=False),
    sa.Column("monetary_score", sa.Integer, nullable=False),
    sa.Column("p_alive", sa.Double),
    sa.Column("expected_purchases", sa.Double),
    sa.Column("unmodelled", sa.Text),
    comment="Value of buyers on the newest complete day, by person and currency.",
)

_OF_COHORT: Final = ("period", "currency")

revenue_cohort = sa.Table(
    "revenue_cohort",
    metadata,
    sa.Column("cohort", sa.Date, primary_key=True, comment="month in which they paid for their first order"),
    sa.Column(
        "period",
        sa.Integer,
        primary_key=True,
        **says("number of months after the month of the cohort", "calendar units"),
    ),
    sa.Column("currency", sa.Text, primary_key=True),
    number("cohort_size", "persons who paid for their first order then, in any currency", "persons", _OF_COHORT),
    number("buyers", "those of them who paid for an order in the period", "persons", _OF_COHORT),
    number("orders", "number of orders they paid for in the period", "orders", ALWAYS),
    *(
        money_sum(name, **says(COLUMNS[name].text, MINOR, ("currency",)))
        for name in ("paid_minor", "refunded_minor", "net_minor")
    ),
    *(amount(name, ("currency",)) for name in ("paid", "refunded", "net")),
    comment="What the buyers of each month paid in the months since; complete months only, including those without an "
    "order.",
)
