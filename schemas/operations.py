"""Operational tables of the pipeline: the schema `ops`, beside `mart` in the warehouse.

They are written as things happen and are not part of a published version: no published figure depends on them.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from schemas.columns import ALWAYS, ORDINAL, comment_all, says

OPS: Final = "ops"

metadata: Final = sa.MetaData(schema=OPS, naming_convention={"pk": "pk_%(table_name)s"})

_TIME: Final = sa.DateTime(timezone=True)

lake: Final = sa.Table(
    "lake",
    metadata,
    sa.Column(
        "change",
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        **says("number of the row; the newest row is valid", ORDINAL),
    ),
    sa.Column("lake_id", sa.Text, nullable=False, comment="id of the lake, which is that of its Delta table raw"),
    sa.Column("recorded_at", _TIME, nullable=False, comment="when the first version was published from it"),
    comment="The lake that the warehouse is published from; a new row each time another lake took over.",
)

published_table: Final = sa.Table(
    "published_table",
    metadata,
    sa.Column("table_name", sa.Text, primary_key=True, comment="table of mart"),
    sa.Column("state", sa.Text, nullable=False, comment="id of the rows that it was published with"),
    sa.Column("versions", JSONB, nullable=False, comment="Delta versions of the lake tables it was made from, by name"),
    comment="The rows that each table of mart has: the next version is staged as the difference to them.",
)

tenant_group: Final = sa.Table(
    "tenant_group",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True, comment="name of the login"),
    sa.Column("group_id", sa.Text, primary_key=True, comment="a group whose rows it reads"),
    sa.Column("granted_at", _TIME, nullable=False, comment="when access was granted"),
    sa.Column("granted_by", sa.Text, nullable=False, comment="who granted access"),
    comment="Which groups each tenant reads; the policies of mart look them up by current_user.",
)

alert: Final = sa.Table(
    "alert",
    metadata,
    sa.Column("alert_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column(
        "rule",
        sa.Text,
        nullable=False,
        comment="what was found, for example group_dying, stale_feed, run_failed or data_stale",
    ),
    sa.Column(
        "subject",
        sa.Text,
        nullable=False,
        comment="the group_id, the source of a feed, a topic and partition, a job or a table",
    ),
    sa.Column(
        "severity", sa.Text, nullable=False, comment="critical or warning; for alerts of the pipeline, the latest"
    ),
    sa.Column(
        "since",
        sa.Date,
        nullable=False,
        comment="since when the condition held, as known when the alert fired",
    ),
    sa.Column("reason", sa.Text, nullable=False, comment="why, with numbers; for alerts of the pipeline, the latest"),
    sa.Column("name", sa.Text, comment="name of the group, or what a metric is of, when the alert fired"),
    sa.Column("purpose", sa.Text, comment="purpose of the group when the alert fired"),
    sa.Column("state", sa.Text, comment="state of the group when the alert fired"),
    sa.Column("details", JSONB, nullable=False, comment="the numbers by name, and next_step: what to do"),
    sa.Column("opened_at", _TIME, nullable=False, comment="when it fired"),
    sa.Column("seen_at", _TIME, nullable=False, comment="when its rule was last evaluated"),
    sa.Column("told_at", _TIME, nullable=False, comment="when the decision on its newest notice was made"),
    sa.Column("notices", sa.Integer, nullable=False, **says("number of notices", "notices", ALWAYS)),
    sa.Column("acknowledged_at", _TIME, comment="when somebody acknowledged it; null: nobody did"),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("snoozed_until", _TIME, comment="no reminder is sent before this time"),
    sa.Column("unmeasured_since", _TIME, comment="since when the rule cannot be evaluated; null: it can"),
    sa.Column("error", sa.Text, comment="why the rule cannot be evaluated; null: it can"),
    sa.Column("resolved_at", _TIME, comment="when the condition ended; null: open"),
    sa.Column("outcome", sa.Text, comment="outcome of the group: died, recovered or ended; null: not known yet"),
    sa.Column("outcome_day", sa.Date, comment="day of the outcome"),
    sa.Column("verdict", sa.Text, comment="latest judgement of a person: useful or noise; null: none"),
    comment="Alerts on groups, their feeds and the pipeline itself: at most one open alert per rule and subject, what "
    "was known when it fired, and the outcome of the group.",
)

OPEN_ALERT: Final = sa.Index(
    "ux_alert_open",
    alert.c.rule,
    alert.c.subject,
    unique=True,
    postgresql_where=alert.c.resolved_at.is_(None),
)
"""Keeps two concurrent evaluations from opening the same alert twice."""

alert_action: Final = sa.Table(
    "alert_action",
    metadata,
    sa.Column(
        "action_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, **says("number of the action", ORDINAL)
    ),
    sa.Column("alert_id", sa.ForeignKey(alert.c.alert_id, ondelete="CASCADE"), nullable=False),
    sa.Column("action", sa.Text, nullable=False, comment="acknowledged, snoozed, useful or noise"),
    sa.Column("until", _TIME, comment="end of a snooze: no reminder is sent before this time; null: another action"),
    sa.Column("note", sa.Text, comment="note of the actor; null: none"),
    sa.Column("actor", sa.Text, nullable=False, comment="who did it, as given"),
    sa.Column("acted_at", _TIME, nullable=False, comment="when the person acted"),
    comment="Actions of people on alerts, one row each; rows are never changed.",
)

ACTION_OF_ALERT: Final = sa.Index("ix_alert_action_alert", alert_action.c.alert_id)

alert_notice: Final = sa.Table(
    "alert_notice",
    metadata,
    sa.Column("notice_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, **says("key in Kafka", ORDINAL)),
    sa.Column("alert_id", sa.ForeignKey(alert.c.alert_id, ondelete="CASCADE"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False, comment="name in [alerts.channels], or kafka"),
    sa.Column("event", sa.Text, nullable=False, comment="firing, reminder, recovered or closed"),
    sa.Column(
        "known", JSONB, nullable=False, comment="content of the notice: since, reason, name, purpose, state, details"
    ),
    sa.Column("decided_at", _TIME, nullable=False),
    sa.Column(
        "attempts", sa.Integer, nullable=False, server_default="0", **says("deliveries that failed", "times", ALWAYS)
    ),
    sa.Column("next_try_at", _TIME, nullable=False, comment="the next attempt is not made before this time"),
    sa.Column("error", sa.Text, comment="error of the newest failed delivery"),
    sa.Column("delivered_at", _TIME, comment="when it was delivered; null: waiting"),
    comment="Notices of alerts to deliver (outbox), a row per channel; written in the transaction that decides to "
    "send them.",
)

WAITING_NOTICE: Final = sa.Index(
    "ix_alert_notice_waiting",
    alert_notice.c.channel,
    alert_notice.c.notice_id,
    postgresql_where=alert_notice.c.delivered_at.is_(None),
)
"""Finds pending notices without reading delivered ones."""

comment_all(metadata)
