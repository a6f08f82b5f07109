"""The pipeline about itself: SQLAlchemy tables of the schema `ops`, beside `mart` in the warehouse.

They are written as things happen and no version covers them: what is published does not depend on them.
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
        "change", sa.BigInteger, sa.Identity(always=True), primary_key=True, **says("the newest one holds", ORDINAL)
    ),
    sa.Column("lake_id", sa.Text, nullable=False, comment="id of the lake, which is that of its Delta table raw"),
    sa.Column("recorded_at", _TIME, nullable=False, comment="when the first version was published from it"),
    comment="Which lake the warehouse is published from; a row more each time another one took over.",
)

published_table: Final = sa.Table(
    "published_table",
    metadata,
    sa.Column("table_name", sa.Text, primary_key=True, comment="table of mart"),
    sa.Column("state", sa.Text, nullable=False, comment="names the rows that it was published with"),
    sa.Column("versions", JSONB, nullable=False, comment="Delta versions of the lake tables it was made from, by name"),
    comment="Which rows each table of mart has: the next version is staged as the difference to them.",
)

tenant_group: Final = sa.Table(
    "tenant_group",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True, comment="name of the login"),
    sa.Column("group_id", sa.Text, primary_key=True, comment="a group whose rows it reads"),
    sa.Column("granted_at", _TIME, nullable=False, comment="since when"),
    sa.Column("granted_by", sa.Text, nullable=False, comment="who granted it"),
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
    sa.Column("severity", sa.Text, nullable=False, comment="critical or warning; of the pipeline as last found"),
    sa.Column(
        "since",
        sa.Date,
        nullable=False,
        comment="since when it was so, as known when it fired",
    ),
    sa.Column("reason", sa.Text, nullable=False, comment="why, with numbers; of the pipeline as last found"),
    sa.Column("name", sa.Text, comment="of the group"),
    sa.Column("purpose", sa.Text, comment="of the group"),
    sa.Column("state", sa.Text, comment="of the group"),
    sa.Column("details", JSONB, nullable=False, comment="the numbers by name, and what to do as next_step"),
    sa.Column("opened_at", _TIME, nullable=False, comment="when it fired"),
    sa.Column("seen_at", _TIME, nullable=False, comment="when its rule was last evaluated"),
    sa.Column("told_at", _TIME, nullable=False, comment="when its newest notice was decided on"),
    sa.Column("notices", sa.Integer, nullable=False, **says("how many there were", "notices", ALWAYS)),
    sa.Column("acknowledged_at", _TIME, comment="null: not acknowledged"),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("snoozed_until", _TIME, comment="no reminder before; then one"),
    sa.Column("unmeasured_since", _TIME, comment="since when it cannot be known whether it still holds; null: it can"),
    sa.Column("error", sa.Text, comment="why its rule could not be evaluated; null: it could"),
    sa.Column("resolved_at", _TIME, comment="when it held no more; null: open"),
    sa.Column("outcome", sa.Text, comment="what became of the group: died, recovered or ended; null: not known yet"),
    sa.Column("outcome_day", sa.Date, comment="the day on which it did"),
    sa.Column("verdict", sa.Text, comment="useful or noise, as somebody last judged it; null: nobody did"),
    comment="Alerts on groups, their feeds and the pipeline itself: at most one open for a rule and subject, what was "
    "known when it fired, and what became of the group.",
)

OPEN_ALERT: Final = sa.Index(
    "ux_alert_open",
    alert.c.rule,
    alert.c.subject,
    unique=True,
    postgresql_where=alert.c.resolved_at.is_(None),
)
"""What keeps two evaluations from opening the same alert twice."""

alert_action: Final = sa.Table(
    "alert_action",
    metadata,
    sa.Column(
        "action_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, **says("in their order", ORDINAL)
    ),
    sa.Column("alert_id", sa.ForeignKey(alert.c.alert_id, ondelete="CASCADE"), nullable=False),
    sa.Column("action", sa.Text, nullable=False, comment="acknowledged, snoozed, useful or noise"),
    sa.Column("until", _TIME, comment="of a snooze: no reminder before"),
    sa.Column("note", sa.Text, comment="what they wrote about it; null: nothing"),
    sa.Column("actor", sa.Text, nullable=False, comment="who did it, as they said"),
    sa.Column("acted_at", _TIME, nullable=False, comment="when"),
    comment="What people did with alerts: a row each time, which stays as it is.",
)

ACTION_OF_ALERT: Final = sa.Index("ix_alert_action_alert", alert_action.c.alert_id)

alert_notice: Final = sa.Table(
    "alert_notice",
    metadata,
    sa.Column("notice_id", sa.BigInteger, sa.Identity(always=True), primary_key=True, **says("key in Kafka", ORDINAL)),
    sa.Column("alert_id", sa.ForeignKey(alert.c.alert_id, ondelete="CASCADE"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False, comment="name in [alerts.channels], or kafka"),
    sa.Column("event", sa.Text, nullable=False, comment="firing, reminder, recovered or closed"),
    sa.Column("known", JSONB, nullable=False, comment="what is told: since, reason, name, purpose, state, details"),
    sa.Column("decided_at", _TIME, nullable=False),
    sa.Column(
        "attempts", sa.Integer, nullable=False, server_default="0", **says("deliveries that failed", "times", ALWAYS)
    ),
    sa.Column("next_try_at", _TIME, nullable=False, comment="not before"),
    sa.Column("error", sa.Text, comment="of the newest failed delivery"),
    sa.Column("delivered_at", _TIME, comment="null: waiting"),
    comment="What is to be told of alerts, a row for each channel; written with the decision to tell it.",
)

WAITING_NOTICE: Final = sa.Index(
    "ix_alert_notice_waiting",
    alert_notice.c.channel,
    alert_notice.c.notice_id,
    postgresql_where=alert_notice.c.delivered_at.is_(None),
)
"""Finds what waits without looking at what was delivered."""

comment_all(metadata)
