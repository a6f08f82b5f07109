"""Which accounts work for the company, and so count in no figure of members."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "excluded_account",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("group_id", "account_id", "reason")),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("since", "last_on")),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "account_id", "reason", name="pk_excluded_account"),
        schema="mart",
    )
