"""What the buyers of each month paid in the months since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "revenue_cohort",
        sa.Column("cohort", sa.Date, nullable=False),
        sa.Column("period", sa.Integer, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("cohort_size", "buyers", "orders")),
        *(sa.Column(f"{name}_minor", sa.Numeric(38, 0), nullable=False) for name in ("paid", "refunded", "net")),
        *(sa.Column(f"{name}_amount", sa.Numeric(38, 4)) for name in ("paid", "refunded", "net")),
        sa.PrimaryKeyConstraint("cohort", "period", "currency", name="pk_revenue_cohort"),
        schema="mart",
    )
