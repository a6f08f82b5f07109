"""What was spent on groups and campaigns, and what was sold beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add tables, which the next publication fills."""
    for table, words, amounts in (
        ("spend_day", ("group_id", "campaign"), ("spend",)),
        ("spend_return", ("model", "group_id"), ("spend", "net")),
    ):
        op.create_table(
            table,
            *(sa.Column(name, sa.Text, nullable=False) for name in words),
            sa.Column("day", sa.Date, nullable=False),
            sa.Column("currency", sa.Text, nullable=False),
            *(sa.Column(f"{name}_minor", sa.Numeric(38, 0), nullable=False) for name in amounts),
            *(sa.Column(f"{name}_amount", sa.Numeric(38, 4)) for name in amounts),
            sa.PrimaryKeyConstraint(*words, "day", "currency", name=f"pk_{table}"),
            schema="mart",
        )
    op.create_index("ix_spend_return_day", "spend_return", ["day"], schema="mart")
