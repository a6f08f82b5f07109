"""Whom to talk to in groups that fall ill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "contact",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("group_id", "person_id")),
        sa.Column("place", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("wrote", "of_messages")),
        sa.Column("last_day", sa.Date, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("linked_pairs", "orders")),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "person_id", name="pk_contact"),
        schema="mart",
    )
