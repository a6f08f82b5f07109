"""Change the published rows to the staged ones, in a transaction of the caller, writing only what differs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache

import polars as pl
import sqlalchemy as sa

from pipelines.publish.errors import NotStaged, TableAltered
from pipelines.publish.guard import Guard, refuse_another_lake, refuse_lost_rows
from pipelines.publish.lateness import Before
from pipelines.publish.restatements import note_restatements
from pipelines.publish.staging import NEW, OLD, Staged, State, empty, staged, staged_tables
from schemas.operations import published_table
from schemas.warehouse import publication

NEWEST = sa.select(publication).order_by(publication.c.version.desc()).limit(1)
"""The published version's row."""


@dataclass(frozen=True)
class Known:
    """What a version records about the data it was computed from.

    Attributes:
        events_batch: Newest batch of events it includes.
        lake_state: Fingerprint of the facts it was computed from.
        complete_through: Last complete day.
        zone: IANA name of the business zone.
        is_synthetic: True when any event is simulated.
        rules: Fingerprint of the settings its facts were computed with.
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
    """Source of the causes of restatements.

    Attributes:
        since: Returns `pipelines.publish.lateness.LATENESS` since the previous version.
        zone: IANA name of the business zone.
    """

    since: Callable[[Before], pl.DataFrame]
    zone: str


@dataclass(frozen=True)
class Published:
    """Result of a publication.

    Attributes:
        version: The version that readers see now.
        rows_changed: Rows deleted, updated and inserted, by table.
        is_new: Whether this publication created the version; False if nothing differed.
        restated: Number of changed figures of complete periods, by table; tables without any are left out.
    """

    version: int
    rows_changed: dict[str, int]
    is_new: bool
    restated: dict[str, int] = field(default_factory=dict)


@cache
def statements(table: sa.Table) -> tuple[sa.Delete | sa.Update | sa.Insert, ...]:
    """Return the statements that delete removed keys, update changed rows and insert new keys, in this order.

    Each row counts in one of the three. Equal rows are neither locked nor rewritten; nulls are equal.
    """
    new, old = staged(table, NEW), staged(table, OLD)
    keys = [column.name for column in table.primary_key]
    values = [column.name for column in table.columns if column.name not in keys]

    def same_key(one: sa.Table, other: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(*(one.c[name] == other.c[name] for name in keys))

    gone = sa.delete(table).where(same_key(table, old), ~sa.exists().select_from(new).where(same_key(old, new)))
    added = sa.insert(table).from_select(
        new.columns.keys(), sa.select(new).where(~sa.exists().select_from(table).where(same_key(table, new)))
    )
    if not values:
        return gone, added
    differs = sa.tuple_(*(table.c[name] for name in values)).is_distinct_from(
        sa.tuple_(*(new.c[name] for name in values))
    )
    changed = sa.update(table).values({name: new.c[name] for name in values}).where(same_key(table, new), differs)
    return gone, changed, added


def unstaged(connection: sa.Connection, tables: Sequence[sa.Table]) -> list[str]:
    """Return the names of the tables for which nothing is staged."""
    there = staged_tables(connection)
    return [table.name for table in tables if table.name not in there]


def published_states(connection: sa.Connection) -> dict[str, State]:
    """Return the state in which each table is published; tables published without a named state are left out."""
    return {
        row.table_name: State.stored(row.state, row.versions) for row in connection.execute(sa.select(published_table))
    }


def unchanged(loaded: Mapping[str, Staged], published: Mapping[str, State]) -> frozenset[str]:
    """Return the names of the tables whose staged version is the published one and not staged as a whole.

    Args:
        loaded: What is staged, by table.
        published: The state in which each table is published.
    """
    return frozenset(
        name
        for name, state in published.items()
        if (one := loaded.get(name)) is not None and not one.is_whole and one.state and one.state.name == state.name
    )


def switch(
    connection: sa.Connection, tables: Sequence[sa.Table], known: Known, late: Late, guard: Guard, now: dt.datetime
) -> Published:
    """Record restatements, apply every table's difference and write the version's row, if anything differs.

    A table staged in its published state, and not as a whole, is skipped.

    Args:
        connection: In a READ COMMITTED transaction that holds the lock of publishers.
        tables: The tables to switch together, all of them staged.
        known: What the version records about its data.
        late: The causes of restatements.
        guard: Limits of the publication.
        now: When it is published.

    Raises:
        AnotherLake: The rows come from another lake than the published ones.
        NotStaged: A staged table has not passed its checks, or it was published since it was staged.
        RowsLost: A table would lose too many of its rows.
        TableAltered: A table was changed by somebody else since it was published.
    """
    # Staging again would empty the tables: with this lock all statements below read the same rows.
    names = ", ".join(staged(table, suffix).fullname for table in tables for suffix in (NEW, OLD))
    connection.execute(sa.text(f"LOCK TABLE {names} IN SHARE MODE"))
    refuse_another_lake(connection, guard, now)
    newest = connection.execute(NEWEST).one_or_none()
    version = newest.version if newest else 0
    loaded, published = staged_tables(connection), published_states(connection)
    same = unchanged(loaded, published)
    differing = [table for table in tables if table.name not in same]
    if guard.needs_check:
        _refuse_unchecked(connection, {table: loaded[table.name] for table in differing})
    _refuse_outdated(connection, {table: loaded[table.name] for table in differing}, published)
    restated = {} if newest is None else _restate(connection, differing, newest, known, late)
    counts = {table: _apply(connection, table, loaded[table.name]) for table in differing}
    for table, rows in counts.items():
        if not loaded[table.name].is_whole:
            _refuse_altered(connection, table, rows)
    # Deleted rows come first, inserted rows last.
    refuse_lost_rows(connection, {table: rows[0] - rows[-1] for table, rows in counts.items()}, guard)
    changed = {table.name: sum(counts.get(table, ())) for table in tables}
    for table in differing:
        _record(connection, table, loaded[table.name])
    before = newest and Known(*(getattr(newest, field.name) for field in fields(Known)))
    if before == known and not any(changed.values()):
        return Published(version, changed, is_new=False)
    row = {"version": version + 1, "published_at": now, "rows_changed": sum(changed.values()), **asdict(known)}
    connection.execute(sa.insert(publication).values(row))
    return Published(version + 1, changed, is_new=True, restated=restated)


def _apply(connection: sa.Connection, table: sa.Table, loaded: Staged) -> list[int]:
    """Apply a table's difference; return how many rows were deleted, updated and inserted, in this order."""
    # By default, SQLAlchemy drops the row count of an INSERT.
    connection = connection.execution_options(preserve_rowcount=True)
    if loaded.is_whole and not connection.execute(sa.select(sa.exists().select_from(table))).scalar_one():
        # After a publication that broke off, the table may be empty and vacuumed. The planner then expects no rows, and
        # would scan, for each inserted row, all rows that the same INSERT added before it.
        new = staged(table, NEW)
        return [0, connection.execute(sa.insert(table).from_select(new.columns.keys(), sa.select(new))).rowcount]
    return [connection.execute(statement).rowcount for statement in statements(table)]


def _refuse_unchecked(connection: sa.Connection, loaded: Mapping[sa.Table, Staged]) -> None:
    """Raise `NotStaged` if a staged table has not passed its checks."""
    if unchecked := [str(table.name) for table, one in loaded.items() if not one.is_checked]:
        raise NotStaged(
            f"These staged tables have not passed their checks: {', '.join(unchecked)}.",
            url=connection.engine.url,
            next_step="Run again (`emberline run`, or `warehouse_job` on Dagster's page): it stages, checks, then "
            "publishes. Another run may have staged them again in between.",
        )


def _refuse_outdated(
    connection: sa.Connection, loaded: Mapping[sa.Table, Staged], published: Mapping[str, State]
) -> None:
    """Raise `NotStaged` if a table was published since it was staged."""
    for table, one in loaded.items():
        known = published.get(table.name)
        if one.since != (known and known.name):
            raise NotStaged(
                "It was staged against another version than the published one.",
                url=connection.engine.url,
                table=staged(table).fullname,
                next_step="Run again, which stages it again.",
            )


def _refuse_altered(connection: sa.Connection, table: sa.Table, counts: Sequence[int]) -> None:
    """Raise `TableAltered` unless each row that the difference removes or changes was there."""
    coming, going = (
        connection.execute(sa.select(sa.func.count()).select_from(staged(table, suffix))).scalar_one()
        for suffix in (NEW, OLD)
    )
    gone, added = counts[0], counts[-1]
    changed = sum(counts[1:-1])
    if (gone + changed, added + changed) != (going, coming):
        raise TableAltered(
            f"{going:,} rows were to be removed or changed and {coming:,} to be there: {gone:,} removed, {changed:,} "
            f"changed, {added:,} added. Its rows are not the published ones.",
            url=connection.engine.url,
            table=table.fullname,
            next_step="Compare and repair the whole table: `emberline audit`. Only emberline may write to mart.",
        )


def _record(connection: sa.Connection, table: sa.Table, loaded: Staged) -> None:
    """Record the state in which a table is published, and empty its staging tables."""
    connection.execute(sa.delete(published_table).where(published_table.c.table_name == table.name))
    if loaded.state is not None:
        row = {"table_name": table.name, "state": loaded.state.name, "versions": dict(loaded.state.versions)}
        connection.execute(sa.insert(published_table), row)
    empty(connection, table, loaded)


def _restate(
    connection: sa.Connection, tables: Sequence[sa.Table], newest: sa.Row, known: Known, late: Late
) -> dict[str, int]:
    # The watermark can move back when an old source sends again: a day once published as complete stays complete.
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
