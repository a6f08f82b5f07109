"""Foreign keys of `mart` for readers and tools, at no cost for a publication.

The checks before a publication already find missing rows. PostgreSQL would check again, row by row within the switch,
so the keys are `NOT ENFORCED` (from PostgreSQL 18 on; older versions get none).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.references import REFERENCES, Reference
from schemas.warehouse import MART

_PREFIX: Final = "ref_"
_OLDEST: Final = (18,)
_THERE: Final = sa.text(
    "SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = to_regnamespace(:mart)"
)


def is_reference(name: str | None) -> bool:
    """Whether a constraint of this name is one of those that `declare` makes."""
    return name is not None and name.startswith(_PREFIX)


def declare(connection: sa.Connection) -> None:
    """Create the missing foreign keys."""
    if (connection.dialect.server_version_info or ()) < _OLDEST:
        return
    there = set(connection.execute(_THERE, {"mart": MART}).scalars())
    for reference in REFERENCES:
        if (name := _name(reference)) not in there:
            connection.execute(
                sa.text(
                    f"ALTER TABLE {MART}.{reference.table} ADD CONSTRAINT {name}"
                    f" FOREIGN KEY ({', '.join(reference.columns)})"
                    f" REFERENCES {MART}.{reference.to} ({', '.join(reference.key)}) NOT ENFORCED"
                )
            )


def _name(reference: Reference) -> str:
    return f"{_PREFIX}{reference.table}_{reference.to}"
