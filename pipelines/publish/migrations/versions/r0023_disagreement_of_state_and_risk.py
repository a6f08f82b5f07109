"""Why the state of a group and its risk say different things."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the column; null until the next publication."""
    op.add_column("group_risk", sa.Column("disagreement", sa.Text), schema="mart")
