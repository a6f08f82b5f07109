"""What the company did for groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "intervention",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("group_id", "intervention_id")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("action", "origin")),
        *(sa.Column(name, sa.Text) for name in ("by", "note")),
        sa.PrimaryKeyConstraint("group_id", "intervention_id", name="pk_intervention"),
        schema="mart",
    )
    op.create_index("ix_intervention_day", "intervention", ["day"], schema="mart")
