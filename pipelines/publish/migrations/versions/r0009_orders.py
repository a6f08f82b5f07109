"""Orders of buyers and their items, sales by day, and a dimension of items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_AMOUNTS = ("gross", "discount", "paid", "refunded", "net")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add tables, which the next publication fills."""
    op.create_table(
        "dim_item",
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("first_sold_on", sa.Date),
        sa.Column("last_sold_on", sa.Date),
        sa.PrimaryKeyConstraint("product_id", name="pk_dim_item"),
        schema="mart",
    )
    op.create_table(
        "customer_order",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("shop", "order_id", "person_id")),
        sa.Column("order_number", sa.Integer),
        sa.Column("is_repeat", sa.Boolean),
        sa.Column("paid_at", _TIME, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("lines", sa.Integer, nullable=False),
        *(sa.Column(f"{name}_minor", sa.BigInteger, nullable=False) for name in _AMOUNTS),
        *(sa.Column(f"{name}_amount", sa.Numeric(38, 4)) for name in _AMOUNTS),
        sa.Column("first_refunded_at", _TIME),
        sa.Column("days_to_refund", sa.Integer),
        sa.PrimaryKeyConstraint("shop", "order_id", name="pk_customer_order"),
        schema="mart",
    )
    op.create_table(
        "order_item",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("shop", "order_id")),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("item_minor", sa.BigInteger),
        sa.Column("item_amount", sa.Numeric(38, 4)),
        sa.Column("day", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("shop", "order_id", "line", name="pk_order_item"),
        schema="mart",
    )
    op.create_table(
        "group_sales_day",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("model", "group_id")),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("orders", "buyers")),
        *(sa.Column(f"{name}_minor", sa.Numeric(38, 0), nullable=False) for name in ("paid", "refunded", "net")),
        *(sa.Column(f"{name}_amount", sa.Numeric(38, 4)) for name in ("paid", "refunded", "net")),
        sa.PrimaryKeyConstraint("model", "group_id", "day", "currency", name="pk_group_sales_day"),
        schema="mart",
    )
    for table, column in (
        ("customer_order", "person_id"),
        ("customer_order", "day"),
        ("order_item", "product_id"),
        ("group_sales_day", "day"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column], schema="mart")
