"""Of a risk it is said which score told it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; null in risks that were told before."""
    op.add_column("group_risk", sa.Column("score", sa.Text), schema="mart")
    op.add_column("group_risk", sa.Column("model_share", sa.Double), schema="mart")
