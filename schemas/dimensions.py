"""The dimensions of `mart`: groups, persons, items, days, carriers, purposes and currencies.

Each has a row for the unknown value, so that a join with a fact loses no rows.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.columns import ALWAYS, MINOR, ORDINAL, says
from schemas.mart_columns import TIME, amount, metadata

PURPOSES: Final = ("retention", "sales", "referral", "service")
"""Purposes of groups that mean the same in every company."""

ENGAGEMENT: Final = ("active", "newly_active", "returned", "paused", "disengaged", "lurker")
"""The states of a member in a group, the most engaged first (docs/definitions.md#engagement)."""

dim_group = sa.Table(
    "dim_group",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("carrier", sa.Text, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("purpose", sa.Text),
    sa.Column("operators", sa.Integer),
    sa.Column("created_at", TIME),
    sa.Column("closed_at", TIME),
    sa.Column("planned_end", TIME),
    sa.Column("born_at", TIME),
    comment="Every group that an event named; the row 'unattributed' is for sales credited to no group.",
)

dim_currency = sa.Table(
    "dim_currency",
    metadata,
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, comment="English name of the currency; null: not in ISO 4217"),
    sa.Column(
        "minor_digits",
        sa.SmallInteger,
        **says("digits after the decimal point: amount = minor units / 10 ^ minor_digits; null: unknown", "digits"),
    ),
    comment="Every currency that orders were paid in.",
)


dim_date = sa.Table(
    "dim_date",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("week", sa.Date, nullable=False, comment="Monday of its week"),
    sa.Column("month", sa.Date, nullable=False, comment="first day of its month"),
    sa.Column("quarter", sa.Date, nullable=False, comment="first day of its quarter"),
    sa.Column("year", sa.SmallInteger, nullable=False, **says("its year", ORDINAL)),
    sa.Column("month_number", sa.SmallInteger, nullable=False, **says("its month, 1: January", ORDINAL)),
    sa.Column(
        "iso_week", sa.SmallInteger, nullable=False, **says("number of its week in the year, by ISO 8601", ORDINAL)
    ),
    sa.Column("weekday", sa.SmallInteger, nullable=False, **says("day of the week, 1: Monday, 7: Sunday", ORDINAL)),
    sa.Column("weekday_name", sa.Text, nullable=False, comment="English name of the day of the week"),
    sa.Column("is_weekend", sa.Boolean, nullable=False, comment="Saturday or Sunday"),
    comment="Every day of the years in which anything happened.",
)

dim_carrier = sa.Table(
    "dim_carrier",
    metadata,
    sa.Column("carrier", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, comment="display name of the platform"),
    comment="Every platform that groups live on, and a row 'unknown'.",
)

dim_purpose = sa.Table(
    "dim_purpose",
    metadata,
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("is_standard", sa.Boolean, nullable=False, comment="false: the company's own, or unknown"),
    comment="Every purpose that groups have, and a row 'unknown'.",
)

dim_item = sa.Table(
    "dim_item",
    metadata,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("first_sold_on", sa.Date, comment="first day on which an order with it was paid; null: never"),
    sa.Column("last_sold_on", sa.Date, comment="last day on which an order with it was paid; null: never"),
    comment="Every product that was sold or that an event of a funnel names, and a row 'unknown'.",
)

dim_person = sa.Table(
    "dim_person",
    metadata,
    sa.Column(
        "person_id",
        sa.Text,
        primary_key=True,
        comment="pseudonym; the row 'unknown' is for facts without a known person",
    ),
    sa.Column("first_seen_on", sa.Date, comment="day of the first activity in any group; null: never active"),
    sa.Column("first_group_id", sa.Text, comment="group of the first activity; null: never active"),
    sa.Column("last_active_on", sa.Date, comment="last complete day with activity; null: never active"),
    sa.Column(
        "memberships",
        sa.Integer,
        nullable=False,
        **says("number of groups in which the person has a state", "members of groups", ALWAYS),
    ),
    sa.Column(
        "engagement",
        sa.Text,
        comment="the most engaged of the person's states in groups: active, newly_active, returned, paused, "
        "disengaged, lurker; null: has none",
    ),
    sa.Column("is_consistent", sa.Boolean, nullable=False, comment="active in 3 of the last 4 weeks of any group"),
    sa.Column("is_vital", sa.Boolean, nullable=False, comment="connected in 3 of the last 4 weeks of any group"),
    sa.Column("is_buyer", sa.Boolean, nullable=False, comment="has paid for an order"),
    sa.Column(
        "currency", sa.Text, comment="ISO 4217; the currency of most of their orders up to the newest complete day"
    ),
    sa.Column("orders", sa.BigInteger, **says("number of their paid orders in the currency", "orders", ALWAYS)),
    sa.Column(
        "net_minor",
        sa.Numeric(38, 0),
        **says("amount paid less refunded, in minor units of the currency", MINOR, ("currency",)),
    ),
    amount("net", ("currency",)),
    sa.Column("p_alive", sa.Double),
    sa.Column("expected_purchases", sa.Double),
    comment="Every person who was active, is a member of a group, entered a funnel or paid for an order.",
)
