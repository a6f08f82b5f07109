"""What groups sold after what the company did for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_LIMITS = ("difference_low", "difference_high")
_AMOUNTS = ("net", "untreated", "difference", *_LIMITS)


def upgrade() -> None:
    """Add the table, which the next publication fills."""
    key = ("action", "purpose", "model", "currency")
    op.create_table(
        "intervention_sales",
        *(sa.Column(name, sa.Text, nullable=False) for name in key),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("cases", "selling_cases", "untreated")),
        *(sa.Column(f"{name}_minor", sa.Numeric(38, 0), nullable=name in _LIMITS) for name in _AMOUNTS),
        *(sa.Column(f"{name}_amount", sa.Numeric(38, 4)) for name in _AMOUNTS),
        sa.Column("is_effect", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint(*key, name="pk_intervention_sales"),
        schema="mart",
    )
