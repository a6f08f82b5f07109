"""Tables of what is in no figure, and of published versions and their changes."""

from __future__ import annotations

import sqlalchemy as sa

from schemas.columns import ALWAYS, FINGERPRINT, ORDINAL, says
from schemas.mart_columns import ROLLING, TIME, count, metadata, number

exclusion = sa.Table(
    "exclusion",
    metadata,
    sa.Column("day", sa.Date, primary_key=True, comment="day of Kafka's time, UTC"),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column(
        "kind",
        sa.Text,
        primary_key=True,
        comment="ignored: contains no event; quarantined: not a valid event, needs attention",
    ),
    sa.Column("reason", sa.Text, primary_key=True, comment="why they are not events"),
    number("records", "Kafka records", "records", ALWAYS),
    comment="Records of the newest 60 days that are not events, and so in no other figure, with the reason.",
    info=ROLLING,
)

excluded_account = sa.Table(
    "excluded_account",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, primary_key=True, comment="pseudonym of the account"),
    sa.Column("reason", sa.Text, primary_key=True, comment="operator or bot: it works for the company"),
    sa.Column("since", sa.Date, nullable=False, comment="first day on which it acted as such in the group"),
    sa.Column("last_on", sa.Date, nullable=False, comment="last day on which it acted as such in the group"),
    number("messages", "messages that it wrote as such in the group, of every kind", "messages", ALWAYS),
    comment="Accounts whose messages and reactions count in no figure of members, in which group, why and since when.",
)

publication = sa.Table(
    "publication",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("published_at", TIME, nullable=False),
    number("events_batch", "newest batch of events the version includes", ORDINAL),
    number("lake_state", "fingerprint of the facts it was computed from", FINGERPRINT),
    sa.Column("complete_through", sa.Date, comment="last complete day"),
    sa.Column("zone", sa.Text, nullable=False, comment="IANA name of the business zone, whose days all tables count"),
    sa.Column("is_synthetic", sa.Boolean, nullable=False, comment="true when any event is simulated"),
    number("rules", "fingerprint of the settings its facts were computed with", FINGERPRINT),
    number("rebuilds", "newest rebuild of a fact that changed its rows", ORDINAL),
    count("rows_changed"),
    comment="One row per published version; a reader sees exactly one version in all tables.",
)

restatement = sa.Table(
    "restatement",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, comment="the version that changed the figure"),
    sa.Column("table_name", sa.Text, primary_key=True, comment="the table of mart that holds it"),
    sa.Column("key", sa.Text, primary_key=True, comment="primary key of its row as JSON: key::jsonb ->> 'group_id'"),
    sa.Column("figure", sa.Text, primary_key=True, comment="the column"),
    sa.Column("period", sa.Date, nullable=False, index=True, **says("first day of the figure's period")),
    sa.Column(
        "before",
        sa.BigInteger,
        **says("published value, 0: no row; null: it had been withdrawn", "unit of the figure"),
    ),
    sa.Column(
        "after",
        sa.BigInteger,
        **says("new value, 0: no row; null: withdrawn because the period is open again", "unit of the figure"),
    ),
    number(
        "late_events",
        "events that arrived after their day was complete, or that people quarantined or restored later, and that can"
        " change the figure. In group_day: all events of the group on the day. In other tables: members' activity in"
        " all groups up to the end of the period; for order_credit also orders, clicks, product messages, joins and"
        " leaves",
        "events",
    ),
    number("merges", "reassigned accounts (their person changed) with events that can change the figure", "accounts"),
    sa.Column(
        "rules_changed", sa.Boolean, nullable=False, comment="true if the version was computed with other settings"
    ),
    sa.Column(
        "code_changed",
        sa.Boolean,
        nullable=False,
        comment="true if facts of the version were rebuilt by other code and their rows changed",
    ),
    comment="Published figures of complete periods that a later version changed, with the cause.",
)
