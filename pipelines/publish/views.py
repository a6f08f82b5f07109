"""Create the views of `mart` when the warehouse is prepared, and replace those whose declaration changed.

A view has the rights of its owner, so that readers of `mart` need no right to `ops`. Policies show a tenant nothing
through it (`pipelines.publish.policies`). CREATE OR REPLACE keeps rights that were granted, but cannot remove a column
or change its type: a revision that does so drops the view first.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from pipelines.publish.database import as_text
from schemas import views

_MADE_BY: Final = sa.text(
    "SELECT obj_description(oid, 'pg_rewrite') FROM pg_rewrite WHERE ev_class = to_regclass(:view)"
)
"""Reads the checksum of the statements that made a view: the comment of its rule, which readers do not see."""


def declare(connection: sa.Connection) -> None:
    """Create or replace each view whose declaration differs from the one it was made by."""
    for view in views.metadata.sorted_tables:
        script = list(_script(view))
        mark = str(zlib.crc32("; ".join(script).encode()))
        if connection.execute(_MADE_BY, {"view": view.fullname}).scalar() != mark:
            for statement in (*script, f"COMMENT ON RULE \"_RETURN\" ON {view.fullname} IS '{mark}'"):
                connection.execute(sa.DDL(statement))


def _script(view: sa.Table) -> Iterator[str]:
    yield f"CREATE OR REPLACE VIEW {view.fullname} AS {as_text(view.info[views.QUERY])}"
    yield f"COMMENT ON VIEW {view.fullname} IS {_literal(view.comment)}"
    for column in view.columns:
        yield f"COMMENT ON COLUMN {view.fullname}.{column.name} IS {_literal(column.comment)}"


def _literal(text: str | None) -> str:
    return as_text(sa.literal(text, sa.Text))
