"""Dagster's storage in PostgreSQL over connections that stay open: `storage` in a state folder's `dagster.yaml`."""

from __future__ import annotations

import select
from functools import cache
from typing import Any, Final

import dagster as dg
import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError

from emberline.dagster_internals import ConfigurableClassData

_OLDEST_S: Final = 300

_with_tables: Final[set[str]] = set()
"""The databases in which this process has created or found Dagster's tables."""


class KeptConnectionsStorage(DagsterPostgresStorage):
    """`DagsterPostgresStorage` with one connection pool per process; the web server has its own pools.

    Dagster's own storage opens a connection for every query, 750 per run, and for each PostgreSQL starts a process and
    checks a password. Also, not every instance has to check for its tables, which takes three connections: each tick of
    a sensor creates an instance.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the schema of the configuration: a URL."""
        return {"postgres_url": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> KeptConnectionsStorage:
        """Create the storage, for Dagster."""
        url = pg_url_from_config(config_value)
        storage = cls(url, should_autocreate_tables=url not in _with_tables, inst_data=inst_data)
        _with_tables.add(url)
        parts: tuple[Any, ...] = (storage.run_storage, storage.event_log_storage, storage.schedule_storage)
        for part in parts:
            part._engine = _engine(url)  # has no public name: see docs/dependencies.md
        return storage


@cache
def _engine(url: str) -> sa.Engine:
    """Create an engine that keeps a few connections open and opens more as needed; closed ones are replaced.

    Connections older than five minutes are replaced too, since the network may have dropped them silently.
    """
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", max_overflow=-1, pool_recycle=_OLDEST_S)
    event.listen(engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Let the pool replace a connection on which PostgreSQL has sent an unsolicited message: that it ends.

    `pool_pre_ping` would add a statement to each of the thousand of a run.
    """
    unasked = select.poll()
    unasked.register(connection, select.POLLIN)
    if unasked.poll(0):
        raise DisconnectionError("PostgreSQL has closed the connection")
