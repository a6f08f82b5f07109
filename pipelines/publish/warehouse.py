"""Write access to the warehouse: prepare, stage, publish, read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Final

import polars as pl
import sqlalchemy as sa

from pipelines.publish import staging, structure
from pipelines.publish.columns import cast_to, mismatches
from pipelines.publish.database import Database, Refused, take_turns
from pipelines.publish.errors import (
    NotStaged,
    PrepareFailed,
    PublishFailed,
    ReadFailed,
    StagingFailed,
    StagingMismatch,
    WarehouseOutdated,
)
from pipelines.publish.guard import Guard
from pipelines.publish.staging import Difference, Staged, State
from pipelines.publish.switch import (
    NEWEST,
    Known,
    Late,
    Published,
    published_states,
    switch,
    unchanged,
    unstaged,
)
from pipelines.publish.upgrade import upgrade
from schemas.operations import published_table
from schemas.types import polars_type
from schemas.warehouse import publication, restatement

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi as adbc

Rows = pl.LazyFrame | pl.DataFrame | Difference
"""All rows of the next version of a table, or the difference to the published one."""

Stage = Callable[[sa.Table, Rows, State | None], int]
"""Replaces what is staged for a table, and returns the number of new and changed rows."""

_READING: Final = Refused(ReadFailed, "Check that the warehouse is prepared and that this role may read it.")


class Warehouse:
    """The schemas `mart` and `staging` of one PostgreSQL database, and `ops` beside them.

    Every call opens its own connections and closes them; the constructor opens none. Every call
    raises `WarehouseUnreachable` if PostgreSQL does not answer.
    """

    def __init__(self, url: str) -> None:
        """Take a SQLAlchemy URL; raise `UnsupportedWarehouse` unless it is `postgresql+psycopg://...`."""
        self._database = Database(url)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL with the password."""
        return self._database.url.render_as_string(hide_password=False)

    def prepare(self) -> None:
        """Create missing schemas and tables, and upgrade those of an older version, keeping their rows.

        Concurrent calls wait for each other.

        Raises:
            WarehouseNewer, UpgradeFailed: See `pipelines.publish.upgrade`; the warehouse is unchanged.
            WarehouseOutdated: A table of `mart` or `ops` lacks columns of the contract.
            PrepareFailed: PostgreSQL refused.
        """
        refused = Refused(PrepareFailed, "Let a role that may create schemas in this database prepare it once.")
        with self._database.transaction(refused) as connection:
            take_turns(connection, "prepare")
            structure.create_schemas(connection)
            upgrade(connection)
            outdated = structure.complete(connection)
            steps = {table: structure.step_for_missing_columns(connection, table) for table in outdated}
        for table, columns in outdated.items():
            raise WarehouseOutdated(
                f"The columns {', '.join(columns)} are missing.",
                url=self._database.url,
                table=table,
                next_step=steps[table],
            )

    def stage(self, table: sa.Table, rows: Rows, state: State | None = None) -> int:
        """Stage one table; see `stage_many`."""
        with self.stage_many() as stage:
            return stage(table, rows, state)

    def staged(self) -> dict[str, Staged]:
        """Return what is staged, by table; tables that were never staged are left out."""
        with self._database.transaction(_READING) as connection:
            return staging.staged_tables(connection)

    def published_states(self) -> dict[str, State]:
        """Return the state in which each table is published; tables published without a named state are left out."""
        with self._database.transaction(_READING) as connection:
            return published_states(connection)

    def note_checked(self, checked: Mapping[sa.Table, Staged]) -> None:
        """Record that staged tables passed all critical expectations, unless they were staged again since."""
        refused = Refused(StagingFailed, "Let the role that staged the tables check them.")
        if checked:
            with self._database.transaction(refused) as connection:
                staging.note_checked(connection, checked)

    def note_versions(self, states: Mapping[str, State]) -> None:
        """Record newer lake versions with the published rows, since old versions are removed."""
        refused = Refused(PublishFailed, "Check that this role may update it.", published_table.fullname)
        with self._database.transaction(refused) as connection:
            for name, state in states.items():
                is_same = (published_table.c.table_name == name) & (published_table.c.state == state.name)
                versions = {"versions": dict(state.versions)}
                connection.execute(sa.update(published_table).where(is_same).values(versions))

    def unchanged(self) -> frozenset[str]:
        """Return the names of the tables whose staged version is the published one and not staged as a whole."""
        with self._database.transaction(_READING) as connection:
            return unchanged(staging.staged_tables(connection), published_states(connection))

    @contextmanager
    def stage_many(self) -> Iterator[Stage]:
        """Stage tables over one connection: opening one for bulk loads takes a tenth of a second.

        Yields:
            A function that replaces what is staged for a table, in one transaction, and returns the number of new and
            changed rows. Its arguments: a table of `schemas.warehouse.DATA_TABLES`; all rows of its next version, or
            the difference to the published one, columns in any order, in types that widen to the table's without loss;
            and the state of the next version, if it has a name.

        Raises:
            StagingMismatch: Columns or types differ; nothing was written.
            StagingFailed: PostgreSQL refused the rows; what was staged before is kept.
        """
        published = self.published_states()
        with self._database.bulk() as connection:
            yield lambda table, rows, state: self._stage(connection, table, rows, state, published.get(table.name))

    def _stage(
        self,
        connection: adbc.Connection,
        table: sa.Table,
        rows: Rows,
        state: State | None,
        published: State | None,
    ) -> int:
        if isinstance(rows, Difference):
            new, old, since = self._fitting(table, rows.new), self._fitting(table, rows.old), rows.since
        else:
            new, old, since = self._fitting(table, rows), None, published and published.name
        next_step = "Fix what PostgreSQL names and run again; what was staged before is kept."
        place = staging.staged(table).fullname
        with self._database.translate_errors(Refused(StagingFailed, next_step, place)):
            return staging.load(connection, table, new, old, Staged(0, state, since, old is None))

    def _fitting(self, table: sa.Table, rows: pl.LazyFrame | pl.DataFrame) -> pl.LazyFrame:
        if found := mismatches(table, rows.lazy().collect_schema()):
            raise StagingMismatch(
                "The frame does not fit: " + "; ".join(f"{name}: {what}" for name, what in found.items()) + ".",
                columns=tuple(found),
                url=self._database.url,
                table=staging.staged(table).fullname,
                next_step="Select and cast in the asset that stages it, or change the table in schemas/warehouse.",
            )
        return cast_to(table, rows.lazy())

    def publish(
        self,
        tables: Sequence[sa.Table],
        *,
        known: Known,
        late: Late,
        guard: Guard,
        now: dt.datetime,
    ) -> Published:
        """Make the staged version of all tables the published one, in one transaction.

        Readers are never blocked and see the previous version until the switch is committed. No version is created
        if neither a row nor `known` differs. Changed figures of complete periods are recorded in `restatement` in the
        same transaction.

        Args:
            tables: The tables to switch together, each staged and audited before.
            known: What the version records about its data.
            late: The causes of changed figures of complete periods; not used in the first publication.
            guard: Limits of the publication.
            now: When it is published, with a time zone.

        Raises:
            AnotherLake: The rows come from another lake than the published ones.
            RowsLost: A table would lose too many of its rows.
            NotStaged: Nothing is staged for a table, it has not passed its checks, or it was published since.
            TableAltered: A table was changed by somebody else since it was published.
            PublishFailed: PostgreSQL refused; the whole switch is rolled back.
        """
        if now.tzinfo is None:
            raise ValueError("`now` has no time zone: pass an aware datetime, for example in UTC")
        next_step = "Readers still see the previous version; fix what PostgreSQL names and publish again."
        with self._database.transaction(Refused(PublishFailed, next_step)) as connection:
            take_turns(connection, "publish")
            if lacking := unstaged(connection, tables):
                raise NotStaged(
                    f"Nothing is staged for {', '.join(lacking)}.",
                    url=self._database.url,
                    next_step="Stage and audit all tables, then publish.",
                )
            return switch(connection, tables, known, late, guard, now)

    def delete_restatements(self, before: dt.datetime) -> int:
        """Delete restatements of versions published before this time; return the number of figures.

        Raises:
            PublishFailed: PostgreSQL refused; nothing is deleted.
        """
        refused = Refused(
            PublishFailed, "Check that this role may delete from it, then try again.", restatement.fullname
        )
        old = sa.select(publication.c.version).where(publication.c.published_at < before)
        with self._database.transaction(refused) as connection:
            return connection.execute(sa.delete(restatement).where(restatement.c.version.in_(old))).rowcount

    def known(self) -> Known | None:
        """Return what the published version records about its data; None if nothing is published."""
        newest = self.read(NEWEST)
        names = [field.name for field in fields(Known)]
        return None if newest.is_empty() else Known(**newest.select(names).row(0, named=True))

    def lake_state(self) -> int | None:
        """Return the fingerprint of the facts of the published version; None if nothing is published."""
        known = self.known()
        return known and known.lake_state

    def read(self, query: sa.Table | sa.Select) -> pl.DataFrame:
        """Read the rows of a table or a query in the Polars types of its columns."""
        return self.read_together(query)[0]

    def read_together(self, *queries: sa.Table | sa.Select) -> tuple[pl.DataFrame, ...]:
        """Read the rows of several tables or queries, all of the same version.

        Raises:
            ReadFailed: PostgreSQL refused a query.
        """
        with self._database.transaction(_READING, "REPEATABLE READ") as connection:
            return tuple(
                _frame(connection, query.select() if isinstance(query, sa.Table) else query) for query in queries
            )


def _frame(connection: sa.Connection, query: sa.Select) -> pl.DataFrame:
    schema = {column.name: polars_type(column.type) for column in query.selected_columns}
    return pl.DataFrame(connection.execute(query).fetchall(), schema=schema, orient="row")
