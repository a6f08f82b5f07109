"""Records that are not events, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "exclusion",
        sa.Column("day", sa.Date, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("topic", "kind", "reason")),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "topic", "kind", "reason", name="pk_exclusion"),
        schema="mart",
    )
