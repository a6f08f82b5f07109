"""Paths to orders and without, and what they brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the tables, which the next publication fills."""
    op.create_table(
        "conversion_path",
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("touchpoints", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("persons", "orders", "lost", "open", "seconds_to_order")
        ),
        sa.PrimaryKeyConstraint("month", "path", name="pk_conversion_path"),
        schema="mart",
    )
    op.create_table(
        "conversion_path_sales",
        sa.Column("month", sa.Date, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("path", "currency")),
        sa.Column("orders", sa.BigInteger, nullable=False),
        *(sa.Column(f"{name}_minor", sa.Numeric(38, 0), nullable=False) for name in ("paid", "refunded", "net")),
        *(sa.Column(f"{name}_amount", sa.Numeric(38, 4)) for name in ("paid", "refunded", "net")),
        sa.PrimaryKeyConstraint("month", "path", "currency", name="pk_conversion_path_sales"),
        schema="mart",
    )
