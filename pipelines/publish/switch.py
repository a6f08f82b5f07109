"""Turn the published rows into the staged ones, inside a transaction of the caller, touching only what differs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa

from pipelines.publish.staging import staged
from schemas.warehouse import STAGING, publication

NEWEST = sa.select(publication).order_by(publication.c.version.desc()).limit(1)
"""The published version's row."""


@dataclass(frozen=True)
class Known:
    """What a version knows of the data it was made from.

    Attributes:
        events_batch: Newest batch of events it includes.
        lake_state: Fingerprint of the facts it was made from.
        complete_through: Last complete day.
        is_synthetic: True when any event is simulated.
    """

    events_batch: int
    lake_state: int
    complete_through: dt.date | None
    is_synthetic: bool


@dataclass(frozen=True)
class Published:
    """What a publish did.

    Attributes:
        version: The version that readers see now.
        rows_changed: Rows deleted, updated and inserted, by table.
        is_new: Whether this publish made the version; false where nothing differed.
    """

    version: int
    rows_changed: dict[str, int]
    is_new: bool


def difference(table: sa.Table) -> tuple[sa.Delete | sa.Update | sa.Insert, ...]:
    """Delete keys that are gone, update rows that differ, insert new keys, in this order.

    Each row counts in one of the three. Rows that are alike are neither locked nor rewritten; nulls
    are alike.
    """
    new = staged(table)
    keys = [column.name for column in table.primary_key]
    values = [column.name for column in table.columns if column.name not in keys]
    same_key = sa.and_(*(table.c[name] == new.c[name] for name in keys))
    gone = sa.delete(table).where(~sa.exists().select_from(new).where(same_key))
    added = sa.insert(table).from_select(
        new.columns.keys(), sa.select(new).where(~sa.exists().select_from(table).where(same_key))
    )
    if not values:
        return gone, added
    differs = sa.tuple_(*(table.c[name] for name in values)).is_distinct_from(
        sa.tuple_(*(new.c[name] for name in values))
    )
    changed = sa.update(table).values({name: new.c[name] for name in values}).where(same_key, differs)
    return gone, changed, added


def unstaged(connection: sa.Connection, tables: Sequence[sa.Table]) -> list[str]:
    """The names of the tables that have no staging version."""
    there = set(sa.inspect(connection).get_table_names(STAGING))
    return [table.name for table in tables if table.name not in there]


def switch(connection: sa.Connection, tables: Sequence[sa.Table], known: Known, now: dt.datetime) -> Published:
    """Apply every table's difference and write the version's row in `publication`, if anything differs.

    Args:
        connection: In a READ COMMITTED transaction that holds the lock of publishers.
        tables: The tables to switch together, all of them staged.
        known: What the staged rows know.
        now: When it is published.
    """
    # Staging again drops the table: under this lock all statements below read the same rows.
    names = ", ".join(staged(table).fullname for table in tables)
    connection.execute(sa.text(f"LOCK TABLE {names} IN SHARE MODE"))
    # Of an INSERT SQLAlchemy forgets the count unless told to keep it.
    counted = connection.execution_options(preserve_rowcount=True)
    changed = {
        table.name: sum(counted.execute(statement).rowcount for statement in difference(table)) for table in tables
    }
    newest = connection.execute(NEWEST).one_or_none()
    version = newest.version if newest else 0
    before = newest and Known(*(getattr(newest, field.name) for field in fields(Known)))
    if before == known and not any(changed.values()):
        return Published(version, changed, is_new=False)
    row = {"version": version + 1, "published_at": now, "rows_changed": sum(changed.values()), **asdict(known)}
    connection.execute(sa.insert(publication).values(row))
    return Published(version + 1, changed, is_new=True)
