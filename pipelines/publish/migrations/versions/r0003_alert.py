"""Rename the ledger of all alerts to alert."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Rename the table, its constraint, index and sequence; rows and rights stay."""
    op.rename_table("group_alert", "alert", schema="ops")
    op.execute("ALTER TABLE ops.alert RENAME CONSTRAINT pk_group_alert TO pk_alert")
    op.execute("ALTER INDEX ops.ux_group_alert_open RENAME TO ux_alert_open")
    op.execute("ALTER SEQUENCE ops.group_alert_alert_id_seq RENAME TO alert_alert_id_seq")
