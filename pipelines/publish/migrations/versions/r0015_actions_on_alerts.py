"""What people did with alerts is kept: notes, who, when, and whether an alert was useful."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the verdict and the table of actions; who acknowledged an alert before is the first of them."""
    op.add_column("alert", sa.Column("verdict", sa.Text), schema="ops")
    op.create_table(
        "alert_action",
        sa.Column("action_id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("alert_id", sa.BigInteger, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("until", _TIME),
        sa.Column("note", sa.Text),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("acted_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("action_id", name="pk_alert_action"),
        sa.ForeignKeyConstraint(["alert_id"], ["ops.alert.alert_id"], ondelete="CASCADE"),
        schema="ops",
    )
    op.create_index("ix_alert_action_alert", "alert_action", ["alert_id"], schema="ops")
    op.execute(
        """
        INSERT INTO ops.alert_action (alert_id, action, actor, acted_at)
        SELECT alert_id, 'acknowledged', acknowledged_by, acknowledged_at FROM ops.alert
        WHERE acknowledged_at IS NOT NULL AND acknowledged_by IS NOT NULL ORDER BY acknowledged_at
        """
    )
