"""Tenants read the groups that are granted to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the table of grants."""
    op.create_table(
        "tenant_group",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "group_id", name="pk_tenant_group"),
        schema="ops",
    )
