"""What became of groups after what the company did for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    op.create_table(
        "intervention_effect",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("action", "purpose")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("cases", "alive_again", "untreated")),
        *(
            sa.Column(name, sa.Double, nullable=False)
            for name in ("untreated_share", "difference", "difference_low", "difference_high")
        ),
        sa.Column("is_effect", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("action", "purpose", name="pk_intervention_effect"),
        schema="mart",
    )
