"""Turn the published rows into the staged ones, inside a transaction of the caller, touching only what differs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields

import polars as pl
import sqlalchemy as sa

from pipelines.publish.guard import Guard, refuse_another_lake, refuse_lost_rows
from pipelines.publish.lateness import Before
from pipelines.publish.restatements import note_restatements
from pipelines.publish.staging import staged, staged_states
from schemas.operations import published_table
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
        zone: IANA name of the business zone.
        is_synthetic: True when any event is simulated.
        rules: Fingerprint of the settings its facts were made with.
        rebuilds: Newest rebuild of a fact that changed its rows.
    """

    events_batch: int
    lake_state: int
    complete_through: dt.date | None
    zone: str
    is_synthetic: bool
    rules: int
    rebuilds: int


@dataclass(frozen=True)
class Late:
    """Where the reasons of restatements come from.

    Attributes:
        since: Gives `pipelines.publish.lateness.LATENESS` since what was published.
        zone: IANA name of the business zone.
    """

    since: Callable[[Before], pl.DataFrame]
    zone: str


@dataclass(frozen=True)
class Published:
    """What a publish did.

    Attributes:
        version: The version that readers see now.
        rows_changed: Rows deleted, updated and inserted, by table.
        is_new: Whether this publish made the version; false where nothing differed.
        restated: Published figures of complete periods that changed, by table; none of tables without any.
    """

    version: int
    rows_changed: dict[str, int]
    is_new: bool
    restated: dict[str, int] = field(default_factory=dict)


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


def unchanged(connection: sa.Connection) -> frozenset[str]:
    """The names of the tables whose staged rows are those that are published."""
    states = staged_states(connection)
    published = connection.execute(sa.select(published_table.c.table_name, published_table.c.state))
    return frozenset(name for name, state in published if states.get(name) == state)


def switch(
    connection: sa.Connection, tables: Sequence[sa.Table], known: Known, late: Late, guard: Guard, now: dt.datetime
) -> Published:
    """Note what is restated, apply every table's difference and write the version's row, if anything differs.

    A table staged in the state in which it is published is left alone, unless settings or code changed.

    Args:
        connection: In a READ COMMITTED transaction that holds the lock of publishers.
        tables: The tables to switch together, all of them staged.
        known: What the staged rows know.
        late: Why published figures changed.
        guard: What the version may do to the warehouse.
        now: When it is published.

    Raises:
        AnotherLake: The rows come from another lake than those that are published.
        RowsLost: A table would lose too many of its rows.
    """
    # Staging again drops the table: under this lock all statements below read the same rows.
    names = ", ".join(staged(table).fullname for table in tables)
    connection.execute(sa.text(f"LOCK TABLE {names} IN SHARE MODE"))
    refuse_another_lake(connection, guard, now)
    newest = connection.execute(NEWEST).one_or_none()
    version = newest.version if newest else 0
    # Other settings and rebuilds are a reason to compare everything, whatever the lake says of its rows.
    is_whole = newest is None or (newest.rules, newest.rebuilds) != (known.rules, known.rebuilds)
    same = frozenset() if is_whole else unchanged(connection)
    differing = [table for table in tables if table.name not in same]
    restated = {} if newest is None else _restate(connection, differing, newest, known, late)
    # Of an INSERT SQLAlchemy forgets the count unless told to keep it.
    counted = connection.execution_options(preserve_rowcount=True)
    counts = {table: [counted.execute(statement).rowcount for statement in difference(table)] for table in differing}
    # Rows deleted come first, rows inserted last.
    refuse_lost_rows(connection, {table: rows[0] - rows[-1] for table, rows in counts.items()}, guard)
    changed = {table.name: sum(counts.get(table, ())) for table in tables}
    _record_states(connection, differing)
    before = newest and Known(*(getattr(newest, field.name) for field in fields(Known)))
    if before == known and not any(changed.values()):
        return Published(version, changed, is_new=False)
    row = {"version": version + 1, "published_at": now, "rows_changed": sum(changed.values()), **asdict(known)}
    connection.execute(sa.insert(publication).values(row))
    return Published(version + 1, changed, is_new=True, restated=restated)


def _record_states(connection: sa.Connection, tables: Sequence[sa.Table]) -> None:
    """Name the rows that tables are published with as those that were staged."""
    names = [table.name for table in tables]
    connection.execute(sa.delete(published_table).where(published_table.c.table_name.in_(names)))
    states = staged_states(connection)
    rows = [{"table_name": name, "state": states[name]} for name in names if states[name] is not None]
    if rows:
        connection.execute(sa.insert(published_table), rows)


def _restate(
    connection: sa.Connection, tables: Sequence[sa.Table], newest: sa.Row, known: Known, late: Late
) -> dict[str, int]:
    # The watermark can fall back, when an old feed wakes up: a day once published as complete stays one.
    complete_through = connection.execute(sa.select(sa.func.max(publication.c.complete_through))).scalar()
    if complete_through is None:
        return {}
    before = Before(newest.version, newest.events_batch, complete_through)
    causes = late.since(before)
    others = {"rules_changed": newest.rules != known.rules, "code_changed": newest.rebuilds != known.rebuilds}
    noted = {
        table.name: note_restatements(connection, table, before, causes, zone=late.zone, **others) for table in tables
    }
    return {name: figures for name, figures in noted.items() if figures}
