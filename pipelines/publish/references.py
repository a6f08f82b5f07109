"""Foreign keys of `mart` that say what refers to what, and cost a publication nothing.

The checks before a publication see that each row referred to is there. PostgreSQL would look again, row by row within
the switch, so it is told not to (`NOT ENFORCED`, from PostgreSQL 18 on; older ones get none).
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
    """Declare the references that are missing."""
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
