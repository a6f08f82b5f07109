"""The schema `staging`: the next version of each table as a difference, before it is checked.

For a table `t` of `mart` it has `t_new`, the new and changed rows; `t_old`, the published rows that are replaced or
deleted; and the view `t`, the whole next version.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, DropTable, SetTableComment

from pipelines.publish.database import as_text
from schemas.warehouse import STAGING

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi as adbc

NEW: Final = "_new"
OLD: Final = "_old"

_ROWS_AT_ONCE: Final = 200_000


class LakeVersion(NamedTuple):
    """A version of a lake table: its number and the id of its data files (`Handle.files_id`)."""

    number: int
    files_id: str


@dataclass(frozen=True)
class State:
    """Which rows a table has.

    Attributes:
        name: Identifies these rows, unless a backup was restored to the lake.
        versions: The versions of their source tables in the lake, by table name.
    """

    name: str
    versions: Mapping[str, LakeVersion] = field(default_factory=dict)

    @classmethod
    def stored(cls, name: str, versions: Mapping[str, tuple[int, str]]) -> State:
        """Restore a state that was stored with its versions as JSON lists."""
        return cls(name, {table: LakeVersion(*version) for table, version in versions.items()})

    @property
    def contract(self) -> str:
        """The part of the name that changes with columns, expectations and the code that computes the rows."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Difference:
    """The difference between the next version of a table and the published one.

    Attributes:
        new: New and changed rows, in the table's columns.
        old: The published rows that are replaced or deleted.
        since: Name of the state in which the table is published.
    """

    new: pl.DataFrame
    old: pl.DataFrame
    since: str


@dataclass(frozen=True)
class Staged:
    """What is staged for a table.

    Attributes:
        rows: Number of loaded new and changed rows.
        state: The state of the next version; None: it is unnamed.
        since: The name of the state published at the time; None: it was unnamed.
        is_whole: Whether all rows were loaded, not the difference.
        is_checked: Whether it passed all critical expectations.
    """

    rows: int
    state: State | None
    since: str | None
    is_whole: bool
    is_checked: bool = False

    def is_next(self, state: State, published: State | None) -> bool:
        """Whether this leads from the published state, if there is one, to another state."""
        names = (self.state and self.state.name, self.since)
        return names == (state.name, published and published.name)


@cache
def staged(table: sa.Table, suffix: str = "") -> sa.Table:
    """Return the table's next version in `staging`; with `NEW` or `OLD`, the rows that are added or removed.

    Nothing is enforced there, so that bad rows arrive, are counted and can be examined. The tables are logged: an
    unlogged table is empty after a crash, and publishing that would empty `mart`. Cached, so that SQLAlchemy reuses
    its compiled statements.
    """
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    return sa.Table(f"{table.name}{suffix}", sa.MetaData(schema=STAGING), *columns)


def load(
    connection: adbc.Connection, table: sa.Table, new: pl.LazyFrame, old: pl.LazyFrame | None, loaded: Staged
) -> int:
    """Replace what is staged for a table in one transaction; concurrent calls wait for each other.

    Args:
        connection: A bulk connection.
        table: A table of `mart`.
        new: New and changed rows.
        old: Replaced and deleted rows; None: all published rows.
        loaded: Describes what is staged, without the number of rows.

    Returns:
        The number of new and changed rows.
    """
    coming, going = staged(table, NEW), staged(table, OLD)
    with connection.cursor() as cursor:
        cursor.execute(_turn(table))
        _make_empty(cursor, table)
        rows = _ingest(cursor, coming, new)
        if old is None:
            cursor.execute(_all_published(table))
            cursor.execute(f"ANALYZE {going.fullname}")
        else:
            _ingest(cursor, going, old)
        cursor.execute(as_text(_description(table, replace(loaded, rows=rows))))
    connection.commit()
    return rows


def _ingest(cursor: adbc.Cursor, twin: sa.Table, rows: pl.LazyFrame) -> int:
    """Load rows in slices: an Arrow copy of all of them would double the memory."""
    loaded = 0
    for part in rows.collect_batches(chunk_size=_ROWS_AT_ONCE):
        if part.height:
            cursor.adbc_ingest(twin.name, part.to_arrow(), mode="append", db_schema_name=STAGING)
            loaded += part.height
    if loaded:
        # Without statistics, the joins of audit and switch would be planned for a handful of rows.
        cursor.execute(f"ANALYZE {twin.fullname}")
    return loaded


def _make_empty(cursor: adbc.Cursor, table: sa.Table) -> None:
    """Empty the staging tables of a table; create them and the view again if columns differ."""
    coming, going, whole = staged(table, NEW), staged(table, OLD), staged(table)
    view, contract = _whole_view(table)
    cursor.execute(_made_for(table))
    found = cursor.fetchone()
    if found == ("v", contract):
        cursor.execute(f"TRUNCATE {coming.fullname}, {going.fullname}")
        return
    # Earlier versions of emberline staged all rows in a table with the name of the view.
    cursor.execute(f"DROP {'TABLE' if found and found[0] == 'r' else 'VIEW'} IF EXISTS {whole.fullname}")
    for twin in (coming, going):
        cursor.execute(as_text(DropTable(twin, if_exists=True)))
        cursor.execute(as_text(CreateTable(twin)))
    cursor.execute(view)
    cursor.execute(f"COMMENT ON VIEW {whole.fullname} IS '{contract}'")


@cache
def _whole_view(table: sa.Table) -> tuple[str, str]:
    """Return the statement that creates the view of the next version, and a name for it with its columns."""
    coming, going = staged(table, NEW), staged(table, OLD)
    stays = ~sa.exists().select_from(going).where(*(going.c[key.name] == key for key in table.primary_key))
    rows = as_text(sa.union_all(sa.select(table).where(stays), sa.select(coming)))
    view = f"CREATE VIEW {staged(table).fullname} AS {rows}"
    return view, str(zlib.crc32(f"{CreateTable(coming)} {view}".encode()))


@cache
def _made_for(table: sa.Table) -> str:
    """Return the query of the relation with the view's name: its kind, and the name stored when it was created."""
    kind, oid = sa.cast(sa.column("relkind"), sa.Text), sa.column("oid")
    made_for = sa.func.obj_description(oid, "pg_class")
    whole = sa.func.to_regclass(staged(table).fullname)
    return as_text(sa.select(kind, made_for).select_from(sa.table("pg_class")).where(oid == whole))


@cache
def _turn(table: sa.Table) -> str:
    """Return the statement that waits until nobody else loads the table."""
    return as_text(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"emberline stage {table.name}"))))


@cache
def _all_published(table: sa.Table) -> str:
    """Return the statement that stages all published rows as removed."""
    going = staged(table, OLD)
    return as_text(sa.insert(going).from_select(going.columns.keys(), sa.select(table)))


def staged_tables(connection: sa.Connection) -> dict[str, Staged]:
    """Return what is staged, by table."""
    comments = sa.inspect(connection).get_multi_table_comment(schema=STAGING)
    return {
        name.removesuffix(NEW): _staged(json.loads(comment["text"]))
        for (_, name), comment in comments.items()
        if name.endswith(NEW) and comment["text"]
    }


def _staged(as_stored: dict[str, Any]) -> Staged:
    state = as_stored["state"]
    return replace(Staged(**as_stored), state=state and State.stored(**state))


def empty(connection: sa.Connection, table: sa.Table, staged_now: Staged) -> None:
    """Delete what is staged for a table once it is published."""
    for suffix in (NEW, OLD):
        # DELETE, because TRUNCATE would wait for readers.
        connection.execute(sa.delete(staged(table, suffix)))
    state = staged_now.state
    connection.execute(_description(table, Staged(0, state, state and state.name, is_whole=False, is_checked=True)))


def note_checked(connection: sa.Connection, checked: Mapping[sa.Table, Staged]) -> None:
    """Record that staged tables passed all critical expectations, unless they were staged again since."""
    names = ", ".join(staged(table, NEW).fullname for table in checked)
    connection.execute(sa.text(f"LOCK TABLE {names} IN SHARE MODE"))
    loaded = staged_tables(connection)
    for table, one in checked.items():
        if loaded.get(table.name) == one:
            connection.execute(_description(table, replace(one, is_checked=True)))


def _description(table: sa.Table, loaded: Staged) -> SetTableComment:
    """Return the statement that stores a description of what is staged as the staging table's comment."""
    named = sa.Table(f"{table.name}{NEW}", sa.MetaData(schema=STAGING), comment=json.dumps(asdict(loaded)))
    return SetTableComment(named)
