"""Tables of what happens in groups: activity, networks, states, risks, contacts."""

from __future__ import annotations

import sqlalchemy as sa

from schemas.columns import ANSWERS, ORDINAL, says
from schemas.mart_columns import ROLLING, count, metadata, number, restated

group_day = sa.Table(
    "group_day",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    count("speakers"),
    count("active_members"),
    count("messages"),
    count("replies"),
    count("reactions"),
    count("joined"),
    count("left"),
    count("operator_messages"),
    count("bot_messages"),
    count("product_messages"),
    count("clicks"),
    sa.Column("membership", sa.Text),
    sa.Index(None, "day"),
    comment="What happened in a group on a day with any event; operators and bots are counted separately.",
    info=restated(
        "speakers", "active_members", "messages", "replies", "reactions", "joined", "left", "operator_messages",
        "bot_messages", "product_messages", "clicks", bearing="in_group", start="day",
    ),
)  # fmt: skip

group_hour = sa.Table(
    "group_hour",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True, comment="first day of the month"),
    sa.Column("weekday", sa.Integer, primary_key=True, **says("day of the week, 1: Monday, 7: Sunday", ORDINAL)),
    sa.Column("hour", sa.Integer, primary_key=True),
    count("messages"),
    count("reactions"),
    count("staff_messages"),
    comment="Messages of a group by hour, day of the week and month.",
)

group_network = sa.Table(
    "group_network",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True, comment="first day of the month"),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("persons", "pairs")),
    sa.Column("replies", sa.Integer, nullable=False, **says(ANSWERS.text, ANSWERS.unit, ANSWERS.within)),
    sa.Column("largest", sa.Integer, nullable=False),
    sa.Column("decentralisation", sa.Double),
    sa.Column("fragmentation", sa.Double),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    comment="Who answers whom among the members of a group in a month, measured as a network.",
)

group_state = sa.Table(
    "group_state",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("since", sa.Date, primary_key=True),
    sa.Column("until", sa.Date),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("is_current", sa.Boolean, nullable=False),
    sa.Column("last_active_day", sa.Date, comment="last day with member activity before the spell's end"),
    sa.Column("silent_days", sa.Integer, comment="complete days without member activity at the spell's end"),
    sa.Column("unmeasured_since", sa.Date),
    sa.Column("coverage", sa.Text),
    sa.Column("membership", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("speaker_days_7d", sa.Integer),
    sa.Column("speaker_days_usual", sa.Double),
    sa.Column("messages_7d", sa.Integer),
    sa.Column("messages_usual", sa.Double),
    sa.Column("replies_7d", sa.Integer),
    sa.Column("replies_usual", sa.Double),
    sa.Column("baseline_weeks", sa.Integer),
    sa.Column("operator_messages_7d", sa.Integer),
    sa.Column("messages_28d", sa.Integer),
    sa.Column("operator_share_28d", sa.Double),
    sa.Column("half_writers_28d", sa.Integer),
    sa.Column("half_writers_before", sa.Integer),
    sa.Column("joined_28d", sa.Integer),
    sa.Column("left_28d", sa.Integer),
    sa.Column("newly_active_28d", sa.Integer),
    comment="The life of a group as spells of days, with the components of each spell's first day.",
)

group_risk = sa.Table(
    "group_risk",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="the newest complete day when this was computed"),
    sa.Column("risk_28", sa.Double, nullable=False),
    sa.Column("risk_56", sa.Double, nullable=False),
    sa.Column("drivers", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False, comment="version of the model"),
    sa.Column("may_alert", sa.Boolean, nullable=False),
    sa.Column("score", sa.Text),
    sa.Column("model_share", sa.Double),
    sa.Column("disagreement", sa.Text),
    sa.Index(None, "day"),
    comment="How likely living groups were to die, as estimated on each day, and by which score.",
)

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    count("wrote"),
    count("of_messages"),
    sa.Column("last_day", sa.Date, nullable=False),
    count("linked_pairs"),
    number("orders", "number of orders credited to the group that this person paid for", "orders"),
    sa.Column("why", sa.Text, nullable=False),
    comment="The members who matter most in a group that declines, is dying or dead: whom to talk to.",
    info=ROLLING,
)
