"""Messages of groups by hour and day of the week."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "group_hour",
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("weekday", "hour")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("messages", "reactions", "staff_messages")),
        sa.PrimaryKeyConstraint("group_id", "month", "weekday", "hour", name="pk_group_hour"),
        schema="mart",
    )
