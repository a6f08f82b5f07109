"""Dimensions of days, carriers, purposes and persons; amounts in units of the currency beside those in minor units."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_THREE = ("paid_amount", "refunded_amount", "net_amount")
_AMOUNTS = {
    "order_credit": _THREE,
    "order_refund": ("refunded_amount",),
    "group_sales": _THREE,
    "message_sales": _THREE,
    "segment_sales": _THREE,
    "person_value": ("net_amount",),
}


def upgrade() -> None:
    """Add tables, and columns that are null until the next publication."""
    op.create_table(
        "dim_date",
        sa.Column("day", sa.Date, nullable=False),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("week", "month", "quarter")),
        *(sa.Column(name, sa.SmallInteger, nullable=False) for name in ("year", "month_number", "iso_week", "weekday")),
        sa.Column("weekday_name", sa.Text, nullable=False),
        sa.Column("is_weekend", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_dim_date"),
        schema="mart",
    )
    op.create_table(
        "dim_carrier",
        sa.Column("carrier", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("carrier", name="pk_dim_carrier"),
        schema="mart",
    )
    op.create_table(
        "dim_purpose",
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("is_standard", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("purpose", name="pk_dim_purpose"),
        schema="mart",
    )
    op.create_table(
        "dim_person",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("first_seen_on", sa.Date),
        sa.Column("first_group_id", sa.Text),
        sa.Column("last_active_on", sa.Date),
        sa.Column("memberships", sa.Integer, nullable=False),
        sa.Column("engagement", sa.Text),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("is_consistent", "is_vital", "is_buyer")),
        sa.Column("currency", sa.Text),
        sa.Column("orders", sa.BigInteger),
        sa.Column("net_minor", sa.Numeric(38, 0)),
        sa.Column("net_amount", sa.Numeric(38, 4)),
        sa.Column("p_alive", sa.Double),
        sa.Column("expected_purchases", sa.Double),
        sa.PrimaryKeyConstraint("person_id", name="pk_dim_person"),
        schema="mart",
    )
    for table, names in _AMOUNTS.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.Numeric(38, 4)), schema="mart")
