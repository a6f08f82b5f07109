"""Dagster's storage: connections are kept, and one that PostgreSQL has closed meanwhile is no error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import event

from emberline.instance import dagster_instance
from emberline.services import Services
from emberline.settings import Settings, WarehouseSettings
from emberline.storage import KeptConnectionsStorage


@pytest.fixture
def services(database: str, tmp_path: Path) -> Services:
    return Services(Settings(state=tmp_path / "state", warehouse=WarehouseSettings(url=database)))  # type: ignore[arg-type]


@pytest.fixture
def instance(services: Services) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(services) as found:
        yield found


def backend_of(instance: dg.DagsterInstance) -> int:
    """The process of PostgreSQL that answers the event log."""
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        return connection.scalar(sa.text("SELECT pg_backend_pid()"))


def test_one_connection_serves_many_statements_and_every_instance_of_the_process(
    services: Services, instance: dg.DagsterInstance
):
    first = backend_of(instance)
    assert instance.get_runs_count() == 0
    with dagster_instance(services) as other:
        assert {backend_of(instance), backend_of(other), backend_of(instance)} == {first}


def test_an_instance_after_the_first_of_a_process_opens_no_connection(services: Services, instance: dg.DagsterInstance):
    assert instance.get_runs_count() == 0
    opened: list[object] = []

    def count(connection: object, _: object) -> None:
        # The embedded server is asked for its databases by another driver than Dagster's.
        if type(connection).__module__.startswith("psycopg2"):
            opened.append(connection)

    event.listen(sa.pool.Pool, "connect", count)
    try:
        with dagster_instance(services) as other:
            assert other.get_runs_count() == 0
    finally:
        event.remove(sa.pool.Pool, "connect", count)
    assert opened == []


def test_a_connection_that_postgresql_closed_is_replaced_without_an_error(database: str, instance: dg.DagsterInstance):
    closed = backend_of(instance)
    engine = sa.create_engine(database, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": closed})
    assert instance.get_runs_count() == 0
    assert backend_of(instance) != closed


def test_the_storages_keep_their_engine_where_ours_is_put(services: Services):
    config: Any = {"postgres_url": services.warehouse_url()}
    ours, dagsters = KeptConnectionsStorage, DagsterPostgresStorage
    shared = {id(vars(part)["_engine"]) for part in parts(ours.from_config_value(None, config))}
    assert len(shared) == 1
    own = {id(vars(part).get("_engine")) for part in parts(dagsters.from_config_value(None, config))}
    assert len(own) == 3, "dagster-postgres has changed: see emberline/storage.py"


def parts(storage: DagsterPostgresStorage) -> tuple[Any, ...]:
    return storage.run_storage, storage.event_log_storage, storage.schedule_storage
