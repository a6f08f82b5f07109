"""Coverage of groups: how much of a group its sources see."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; null until the next publication."""
    op.add_column("group_state", sa.Column("coverage", sa.Text), schema="mart")
