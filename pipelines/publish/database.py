"""Access to one PostgreSQL database: transactions that raise what was refused as an error of this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import adbc_driver_manager
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from pipelines.publish.errors import PublishError, UnsupportedWarehouse, WarehouseUnreachable

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi as adbc

_DRIVER: Final = "postgresql+psycopg"
_APPLICATION: Final = {"application_name": "emberline"}


def as_text(statement: Any) -> str:
    """Return a statement as SQL text with inline values, for bulk connections and expectations, which bind none."""
    return str(statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))


class Refused(NamedTuple):
    """The error type to raise when PostgreSQL refuses, with the next step and the table, if any."""

    kind: type[PublishError]
    next_step: str
    table: str | None = None


class Database:
    """One database; each call opens a connection and closes it, the constructor opens none.

    Every call raises `WarehouseUnreachable` if PostgreSQL does not answer.
    """

    def __init__(self, url: str, variable: str = "EMBERLINE__WAREHOUSE__URL") -> None:
        """Take a SQLAlchemy URL; raise `UnsupportedWarehouse` unless it is `postgresql+psycopg://...`.

        Args:
            url: URL of the database.
            variable: The environment variable that sets the URL, for errors to name.
        """
        self.url = sa.make_url(url)
        self._variable = variable
        if self.url.drivername != _DRIVER:
            raise UnsupportedWarehouse(
                f"The warehouse URL names {self.url.drivername}.",
                url=self.url,
                next_step=f"Spell it {_DRIVER}://user:password@host:port/database.",
            )
        # A run makes a handful of long calls: no pool means nothing to close and no stale connection.
        self._engine = sa.create_engine(self.url, poolclass=sa.NullPool, connect_args=_APPLICATION)

    @contextmanager
    def transaction(self, refused: Refused, isolation: str = "READ COMMITTED") -> Iterator[sa.Connection]:
        """Open a transaction, committed at the end and rolled back on any error."""
        try:
            connection = self._engine.connect()
        except DBAPIError as error:
            raise self._unreachable(error.orig) from error
        with (
            self.translate_errors(refused),
            connection.execution_options(isolation_level=isolation),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def bulk(self) -> Iterator[adbc.Connection]:
        """Open a connection that loads Arrow data, inside of `translate_errors`; rolls back uncommitted changes."""
        # Imported here: it imports pandas, and most commands load nothing.
        from adbc_driver_postgresql import dbapi as adbc

        # A new dialect, since the engine's adds arguments that only psycopg understands.
        _, parameters = self.url.get_dialect()().create_connect_args(self.url)
        try:
            connection = adbc.connect(make_conninfo(**parameters, **_APPLICATION))
        except adbc_driver_manager.Error as error:
            raise self._unreachable(error) from error
        with connection:
            yield connection

    @contextmanager
    def translate_errors(self, refused: Refused) -> Iterator[None]:
        """Raise what PostgreSQL refuses in this block as the given error."""
        try:
            yield
        except (DBAPIError, adbc_driver_manager.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            text = f"PostgreSQL refused: {cause}"
            raise refused.kind(text, url=self.url, table=refused.table, next_step=refused.next_step) from error

    def _unreachable(self, error: BaseException | None) -> WarehouseUnreachable:
        return WarehouseUnreachable(
            f"PostgreSQL does not answer: {error}",
            url=self.url,
            next_step=f"Check that it runs, and that {self._variable} has its host, port, user, password and database.",
        )


def take_turns(connection: sa.Connection, purpose: str) -> None:
    """Wait until no other transaction of the same purpose runs; the lock is held to the end of this one."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"emberline {purpose}"))))
