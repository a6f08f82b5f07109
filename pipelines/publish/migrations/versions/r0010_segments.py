"""Activity and retention of the company, of each group, purpose and carrier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add tables, which the next publication fills."""
    op.create_table(
        "segment_activity",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("breakdown", "segment", "unit")),
        sa.Column("start", sa.Date, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("active", "new", "returning", "resurrecting", "dormant")
        ),
        *(sa.Column(name, sa.BigInteger) for name in ("active_7d", "active_28d")),
        sa.PrimaryKeyConstraint("breakdown", "segment", "unit", "start", name="pk_segment_activity"),
        schema="mart",
    )
    op.create_index("ix_segment_activity_start", "segment_activity", ["start"], schema="mart")
    op.create_table(
        "segment_retention",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("breakdown", "segment")),
        sa.Column("cohort", sa.Date, nullable=False),
        sa.Column("period", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("cohort_size", "active")),
        sa.PrimaryKeyConstraint("breakdown", "segment", "cohort", "period", name="pk_segment_retention"),
        schema="mart",
    )
