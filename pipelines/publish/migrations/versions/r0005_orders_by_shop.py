"""Index orders of `mart` by shop and order, by which checks find changed orders."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Index credit and refunds."""
    op.create_index("ix_order_credit_order", "order_credit", ["shop", "order_id"], schema="mart")
    op.create_index("ix_order_refund_order", "order_refund", ["shop", "order_id"], schema="mart")
