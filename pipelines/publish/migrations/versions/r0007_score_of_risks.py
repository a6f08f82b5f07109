"""Which score each risk comes from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; null in older risks."""
    op.add_column("group_risk", sa.Column("score", sa.Text), schema="mart")
    op.add_column("group_risk", sa.Column("model_share", sa.Double), schema="mart")
