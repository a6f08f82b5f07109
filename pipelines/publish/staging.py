"""The schema `staging`: what sets the next version of each table apart, before anyone vouches for it.

Of a table `t` of `mart` it holds `t_new`, the rows that are new or changed; `t_old`, the published rows that they take
the place of, and those that go; and the view `t`, the next version as a whole.
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
    """A version of a lake table: its number, and what its data files are called (`Handle.files_id`)."""

    number: int
    files_id: str


@dataclass(frozen=True)
class State:
    """Which rows a table has.

    Attributes:
        name: Names these rows, and no others of a lake that no backup was restored to.
        versions: The versions of the lake tables they were made from, by name of these.
    """

    name: str
    versions: Mapping[str, LakeVersion] = field(default_factory=dict)

    @classmethod
    def stored(cls, name: str, versions: Mapping[str, tuple[int, str]]) -> State:
        """A state as it was stored, its versions as lists of JSON."""
        return cls(name, {table: LakeVersion(*version) for table, version in versions.items()})

    @property
    def contract(self) -> str:
        """The part of the name that changes with columns, expectations and the code that makes the rows."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Difference:
    """What sets the next version of a table apart from the published one.

    Attributes:
        new: Rows that are new or changed, in the table's columns.
        old: The published rows that they take the place of, and those that go.
        since: Name of the state in which the table is published.
    """

    new: pl.DataFrame
    old: pl.DataFrame
    since: str


@dataclass(frozen=True)
class Staged:
    """What is staged of a table.

    Attributes:
        rows: Number of rows loaded that come to it.
        state: The state of the next version; none: its rows have no name.
        since: The name of the state in which it was published then; none: in none that has a name.
        is_whole: Whether all of its rows were loaded, not the difference.
        is_checked: Whether no critical expectation was broken.
    """

    rows: int
    state: State | None
    since: str | None
    is_whole: bool
    is_checked: bool = False

    def is_next(self, state: State, published: State | None) -> bool:
        """Whether this is what leads from the published state, if there is one, to another one."""
        names = (self.state and self.state.name, self.since)
        return names == (state.name, published and published.name)


@cache
def staged(table: sa.Table, suffix: str = "") -> sa.Table:
    """The table's next version in `staging`; with `NEW` or `OLD` the rows that come to it, or go.

    Nothing is enforced there, so that bad rows arrive, are counted and can be looked at. They are logged: an unlogged
    table is empty after a crash, and publishing that would empty `mart`. Made once, so that SQLAlchemy knows its
    statements again.
    """
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    return sa.Table(f"{table.name}{suffix}", sa.MetaData(schema=STAGING), *columns)


def load(
    connection: adbc.Connection, table: sa.Table, new: pl.LazyFrame, old: pl.LazyFrame | None, loaded: Staged
) -> int:
    """Replace what is staged of a table in one transaction; two that do it at once wait for each other.

    Args:
        connection: For bulk loads.
        table: Of `mart`.
        new: Rows that come to it.
        old: Rows that go; none: all that are published.
        loaded: What is staged then, but for the number of rows.

    Returns:
        How many rows come to it.
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
    """Load rows part by part: Arrow's copy of all of them would take as much memory again."""
    loaded = 0
    for part in rows.collect_batches(chunk_size=_ROWS_AT_ONCE):
        if part.height:
            cursor.adbc_ingest(twin.name, part.to_arrow(), mode="append", db_schema_name=STAGING)
            loaded += part.height
    if loaded:
        # Without statistics the joins of audit and switch are planned for a handful of rows.
        cursor.execute(f"ANALYZE {twin.fullname}")
    return loaded


def _make_empty(cursor: adbc.Cursor, table: sa.Table) -> None:
    """Empty the staging tables of a table; make them, and the view, where they are not those of its columns."""
    coming, going, whole = staged(table, NEW), staged(table, OLD), staged(table)
    view, contract = _whole_view(table)
    cursor.execute(_made_for(table))
    found = cursor.fetchone()
    if found == ("v", contract):
        cursor.execute(f"TRUNCATE {coming.fullname}, {going.fullname}")
        return
    # Versions before staged all rows in a table of the view's name.
    cursor.execute(f"DROP {'TABLE' if found and found[0] == 'r' else 'VIEW'} IF EXISTS {whole.fullname}")
    for twin in (coming, going):
        cursor.execute(as_text(DropTable(twin, if_exists=True)))
        cursor.execute(as_text(CreateTable(twin)))
    cursor.execute(view)
    cursor.execute(f"COMMENT ON VIEW {whole.fullname} IS '{contract}'")


@cache
def _whole_view(table: sa.Table) -> tuple[str, str]:
    """The statement that makes the view of the next version, and a name for it and the columns."""
    coming, going = staged(table, NEW), staged(table, OLD)
    stays = ~sa.exists().select_from(going).where(*(going.c[key.name] == key for key in table.primary_key))
    rows = as_text(sa.union_all(sa.select(table).where(stays), sa.select(coming)))
    view = f"CREATE VIEW {staged(table).fullname} AS {rows}"
    return view, str(zlib.crc32(f"{CreateTable(coming)} {view}".encode()))


@cache
def _made_for(table: sa.Table) -> str:
    """The query of what stands in the view's place: what kind of relation, and the name it was made with."""
    kind, oid = sa.cast(sa.column("relkind"), sa.Text), sa.column("oid")
    made_for = sa.func.obj_description(oid, "pg_class")
    whole = sa.func.to_regclass(staged(table).fullname)
    return as_text(sa.select(kind, made_for).select_from(sa.table("pg_class")).where(oid == whole))


@cache
def _turn(table: sa.Table) -> str:
    """The statement that waits until nobody else loads the table."""
    return as_text(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"emberline stage {table.name}"))))


@cache
def _all_published(table: sa.Table) -> str:
    """The statement that lets all published rows go."""
    going = staged(table, OLD)
    return as_text(sa.insert(going).from_select(going.columns.keys(), sa.select(table)))


def staged_tables(connection: sa.Connection) -> dict[str, Staged]:
    """What is staged, by table."""
    comments = sa.inspect(connection).get_multi_table_comment(schema=STAGING)
    return {
        name.removesuffix(NEW): _staged(json.loads(comment["text"]))
        for (_, name), comment in comments.items()
        if name.endswith(NEW) and comment["text"]
    }


def _staged(told: dict[str, Any]) -> Staged:
    state = told["state"]
    return replace(Staged(**told), state=state and State.stored(**state))


def empty(connection: sa.Connection, table: sa.Table, staged_now: Staged) -> None:
    """Take out what is staged of a table, once it is published."""
    for suffix in (NEW, OLD):
        # Whoever looks at them is not waited for, as TRUNCATE would.
        connection.execute(sa.delete(staged(table, suffix)))
    state = staged_now.state
    connection.execute(_description(table, Staged(0, state, state and state.name, is_whole=False, is_checked=True)))


def note_checked(connection: sa.Connection, checked: Mapping[sa.Table, Staged]) -> None:
    """Note of what is staged of tables that no critical expectation is broken, unless it was staged anew since."""
    names = ", ".join(staged(table, NEW).fullname for table in checked)
    connection.execute(sa.text(f"LOCK TABLE {names} IN SHARE MODE"))
    loaded = staged_tables(connection)
    for table, one in checked.items():
        if loaded.get(table.name) == one:
            connection.execute(_description(table, replace(one, is_checked=True)))


def _description(table: sa.Table, loaded: Staged) -> SetTableComment:
    """The statement that keeps, as the comment of a staging table, what is staged."""
    named = sa.Table(f"{table.name}{NEW}", sa.MetaData(schema=STAGING), comment=json.dumps(asdict(loaded)))
    return SetTableComment(named)
