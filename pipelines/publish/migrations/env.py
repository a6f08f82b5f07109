"""How Alembic runs revisions: in a transaction of `pipelines.publish.upgrade`, or in one of the command `alembic`."""

from __future__ import annotations

import os
from typing import Final

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationInfo
from alembic.util import CommandError

from pipelines.publish.database import Database, Refused, take_turns
from pipelines.publish.errors import UpgradeFailed
from pipelines.publish.references import is_reference
from pipelines.publish.structure import create_schemas, describe
from pipelines.publish.upgrade import adopt, known_revisions
from schemas import operations, warehouse

_URL: Final = "EMBERLINE__WAREHOUSE__URL"
_REFUSED: Final = Refused(UpgradeFailed, "Fix what PostgreSQL names.")


def _run(connection: sa.Connection) -> None:
    # Revisions do not change comments: after the newest revision they follow the metadata.
    def after_revision(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001
        if step.up_revision_id == known_revisions()[-1]:
            describe(connection)

    create_schemas(connection)
    adopt(connection)
    context.configure(
        connection=connection,
        target_metadata=[warehouse.metadata, operations.metadata],
        version_table_schema=operations.OPS,
        include_schemas=True,
        include_name=lambda name, kind, _: _is_compared(name, kind),
        compare_server_default=True,
        on_version_apply=after_revision,
    )
    context.run_migrations()


def _is_compared(name: str | None, kind: str) -> bool:
    # Revisions do not change references either.
    if kind == "foreign_key_constraint":
        return not is_reference(name)
    return kind != "schema" or name in (warehouse.MART, operations.OPS)


if context.is_offline_mode():
    raise CommandError("Revisions cannot be printed as SQL: what they do depends on the warehouse.")
if (given := context.config.attributes.get("connection")) is not None:
    _run(given)
elif (url := os.environ.get(_URL)) is None:
    raise CommandError(f"Set {_URL} to the warehouse: postgresql+psycopg://user:password@host:port/database")
else:
    with Database(url).transaction(_REFUSED) as own:
        take_turns(own, "prepare")
        _run(own)
