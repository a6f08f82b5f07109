"""Zone of versions, rebuilds, refunds, currencies, wider sums; one ledger of alerts; the lake of the warehouse.

It sums up the changes since version 0.1.0, which had no revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

_SUMS = {
    "group_sales": ("paid_minor", "refunded_minor", "net_minor"),
    "message_sales": ("paid_minor", "refunded_minor", "net_minor"),
    "segment_sales": ("paid_minor", "refunded_minor", "net_minor"),
    "person_value": ("net_minor",),
}
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Change the structure, and keep the rows."""
    _create_tables()
    for table in ("funnel_entry", "funnel_match"):
        op.add_column(table, sa.Column("group_id", sa.Text), schema="mart")
        op.add_column(table, sa.Column("purpose", sa.Text), schema="mart")
    op.add_column("group_state", sa.Column("unmeasured_since", sa.Date), schema="mart")
    for table, columns in _SUMS.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.Numeric(38, 0), existing_nullable=False, schema="mart")
    # The warehouse does not record in which zone older versions counted days.
    _add_filled("publication", sa.Column("zone", sa.Text, nullable=False), "unknown")
    _add_filled("publication", sa.Column("rebuilds", sa.BigInteger, nullable=False), "0")
    _add_filled("restatement", sa.Column("code_changed", sa.Boolean, nullable=False), "false")
    _move_alerts_on_the_pipeline()


def _create_tables() -> None:
    op.create_table(
        "dim_currency",
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("minor_digits", sa.SmallInteger),
        sa.PrimaryKeyConstraint("currency", name="pk_dim_currency"),
        schema="mart",
    )
    op.create_table(
        "order_refund",
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("refunded_at", _TIME, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("refunded_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shop", "event_id", name="pk_order_refund"),
        schema="mart",
    )
    op.create_index("ix_order_refund_refunded_at", "order_refund", ["refunded_at"], schema="mart")
    op.create_table(
        "lake",
        sa.Column("change", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("lake_id", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("change", name="pk_lake"),
        schema="ops",
    )
    op.create_table(
        "published_table",
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("versions", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("table_name", name="pk_published_table"),
        schema="ops",
    )


def _add_filled(table: str, column: sa.Column, value: str) -> None:
    """Add a column of the schema `mart` with this value in existing rows; it has no default afterwards."""
    column.server_default = sa.DefaultClause(value)
    op.add_column(table, column, schema="mart")
    op.alter_column(table, column.name, server_default=None, schema="mart")


def _move_alerts_on_the_pipeline() -> None:
    op.execute(
        """
        INSERT INTO ops.group_alert
            (rule, subject, severity, since, reason, details, opened_at, seen_at, told_at, notices, resolved_at)
        SELECT rule, subject, severity, (opened_at AT TIME ZONE 'UTC')::date, message,
            jsonb_build_object('next_step', next_step), opened_at, seen_at, opened_at, 0, resolved_at
        FROM ops.alert ORDER BY alert_id
        """
    )
    op.drop_table("alert", schema="ops")
