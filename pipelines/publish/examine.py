"""Examine a warehouse: whether it answers, its structure, the rights of this role, and its lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from pipelines.operations.examination import Examined, examined
from pipelines.publish.database import Database, Refused
from pipelines.publish.errors import ReadFailed
from pipelines.publish.structure import missing_columns, missing_tables, step_for_missing_columns
from pipelines.publish.switch import NEWEST
from pipelines.publish.upgrade import known_revisions, revision_of
from schemas import operations, warehouse

AREA: Final = "warehouse"
_SCHEMAS: Final = (warehouse.MART, warehouse.STAGING, operations.OPS)
_WRITTEN: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


def examine_warehouse(url: str, lake_id: str | None) -> list[Examined]:
    """Examine the warehouse at a SQLAlchemy URL and whether it belongs to this lake; `lake_id` is None without one."""
    return examined(AREA, "server", lambda: _warehouse(Database(url), lake_id))


def _warehouse(database: Database, lake_id: str | None) -> Iterator[Examined]:
    refused = Refused(ReadFailed, "Let this role connect and read the catalog.")
    with database.transaction(refused) as connection:
        version = connection.execute(sa.text("SHOW server_version")).scalar_one()
        yield Examined(AREA, "server", "ok", f"PostgreSQL {version} answers at {database.url.host}.")
        revision, known = revision_of(connection), known_revisions()
        if revision is not None and revision != known[-1]:
            yield _of_another_version(revision, known)
            return
        if lacking := missing_tables(connection):
            found = f"Not prepared yet: {', '.join(lacking[:3])}" + (" and others" if len(lacking) > 3 else "")
            yield Examined(AREA, "structure", "warning", f"{found}.", "Let a run prepare it: emberline run")
            return
        if outdated := missing_columns(connection):
            found = "; ".join(f"{table} lacks {', '.join(columns)}" for table, columns in outdated.items())
            steps = dict.fromkeys(step_for_missing_columns(connection, table) for table in outdated)
            yield Examined(AREA, "structure", "broken", f"{found}.", " ".join(steps))
            return
        yield Examined(AREA, "structure", "ok", "All tables are as this version of emberline writes them.")
        yield _rights(connection)
        yield _origin(connection, lake_id)
        newest = connection.execute(NEWEST).one_or_none()
        found = (
            "Nothing yet."
            if newest is None
            else f"Version {newest.version:,}, {newest.published_at:%Y-%m-%d %H:%M %Z}."
        )
        yield Examined(AREA, "published", "ok", found)


def _of_another_version(revision: str, known: Sequence[str]) -> Examined:
    if revision in known:
        found = (
            f"An older version of emberline created it: it has revision {revision} of its structure, the newest is "
            f"{known[-1]}."
        )
        return Examined(AREA, "structure", "warning", found, "Let a run upgrade it: emberline run")
    found = (
        f"A newer version of emberline upgraded it to revision {revision}; this version knows revisions up to "
        f"{known[-1]}."
    )
    return Examined(AREA, "structure", "broken", found, "Install the version of emberline that upgraded it.")


def _rights(connection: sa.Connection) -> Examined:
    missing = [
        f"{right} on schema {schema}"
        for schema in _SCHEMAS
        for right in ("USAGE", "CREATE")
        if not connection.execute(sa.select(sa.func.has_schema_privilege(schema, right))).scalar()
    ]
    for table in (*warehouse.metadata.sorted_tables, *operations.metadata.sorted_tables):
        missing += [
            f"{right} on {table.fullname}"
            for right in _WRITTEN
            if not connection.execute(sa.select(sa.func.has_table_privilege(table.fullname, right))).scalar()
        ]
    if missing:
        others = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        found = f"This role lacks {', '.join(missing[:3])}{others}."
        return Examined(AREA, "rights", "broken", found, "Let the owner of the schemas grant them to this role.")
    return Examined(AREA, "rights", "ok", "This role may stage and publish.")


def _origin(connection: sa.Connection, lake_id: str | None) -> Examined:
    table = operations.lake
    known = connection.execute(sa.select(table.c.lake_id).order_by(table.c.change.desc()).limit(1)).scalar()
    if known is None:
        return Examined(AREA, "lake", "ok", "It belongs to no lake yet: the next publication decides.")
    if known == lake_id:
        return Examined(AREA, "lake", "ok", f"It belongs to this lake, {known}.")
    found = f"It was published from lake {known}, but this lake is {lake_id or 'not created yet'}."
    next_step = "Check that lake.uri and warehouse.url belong together; to let this lake take over: "
    return Examined(AREA, "lake", "broken", found, f"{next_step}emberline run --accept-loss")
