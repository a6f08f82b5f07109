"""The pipeline about itself: SQLAlchemy tables of the schema `ops`, beside `mart` in the warehouse.

They are written as things happen and no version covers them: what is published does not depend on them.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

OPS: Final = "ops"

metadata: Final = sa.MetaData(schema=OPS, naming_convention={"pk": "pk_%(table_name)s"})

_TIME: Final = sa.DateTime(timezone=True)

alert: Final = sa.Table(
    "alert",
    metadata,
    sa.Column("alert_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("rule", sa.Text, nullable=False, comment="what was found to be wrong, for example data_stale"),
    sa.Column("subject", sa.Text, nullable=False, comment="of what: a topic and partition, a job, a table"),
    sa.Column("severity", sa.Text, nullable=False, comment="critical or warning, as last found"),
    sa.Column("message", sa.Text, nullable=False, comment="what was found, with its numbers, as last found"),
    sa.Column("next_step", sa.Text, nullable=False, comment="what to do about it"),
    sa.Column("opened_at", _TIME, nullable=False, comment="when it was first found"),
    sa.Column("seen_at", _TIME, nullable=False, comment="when it was last found"),
    sa.Column("resolved_at", _TIME, comment="when it was looked for and no longer found; null: open"),
    sa.Column("occurrences", sa.BigInteger, nullable=False, comment="how many times it was found while open"),
    comment="Alerts about the pipeline itself: at most one open for a rule and subject, and those resolved.",
)

OPEN_ALERT: Final = sa.Index(
    "ux_alert_open", alert.c.rule, alert.c.subject, unique=True, postgresql_where=alert.c.resolved_at.is_(None)
)
"""What keeps two reporters from opening the same alert twice."""
