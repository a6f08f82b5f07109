"""Orders of `mart` are found by shop and order: checks look at those that changed."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Index credit and refunds."""
    op.create_index("ix_order_credit_order", "order_credit", ["shop", "order_id"], schema="mart")
    op.create_index("ix_order_refund_order", "order_refund", ["shop", "order_id"], schema="mart")
