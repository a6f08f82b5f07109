"""The structure of version 0.1.0."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables and indexes that version 0.1.0 made."""
    script = Path(__file__).with_suffix(".sql").read_text()
    for statement in filter(None, map(str.strip, script.split(";"))):
        op.execute(statement)
