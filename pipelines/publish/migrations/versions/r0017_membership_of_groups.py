"""Add to each group how its sources report who joins and leaves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns; null until the next publication."""
    for table in ("group_day", "group_state"):
        op.add_column(table, sa.Column("membership", sa.Text), schema="mart")
