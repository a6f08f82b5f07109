"""Who answers whom in groups, as networks of months."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "group_network",
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("persons", "pairs", "replies", "largest")),
        *(sa.Column(name, sa.Double) for name in ("decentralisation", "fragmentation")),
        sa.Column("is_complete", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "month", name="pk_group_network"),
        schema="mart",
    )
