"""Real engines for the tests: one Kafka and one PostgreSQL for the whole session."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from kafka.admin import KafkaAdminClient
from sqlalchemy import create_engine, make_url, text

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres, StateFolder

# How long an example takes, or its making, tells of the machine and not of the code.
settings.register_profile("emberline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emberline")

# Nobody needs the rows of a test after a loss of power.
FAST_POSTGRES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


# A setting of the client that the type stubs, made for an older one, do not know.
READY: dict[str, Any] = {"wait_for_metadata": True}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files of slow tests: one that begins last keeps a worker busy while the other has nothing to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def state_folder() -> Iterator[StateFolder]:
    """Yield a state folder of this test session, removed at its end."""
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    state = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-tests-")))
    yield state
    state.destroy()


@pytest.fixture(scope="session")
def kafka(state_folder: StateFolder) -> Iterator[str]:
    """Yield the bootstrap servers of a running broker; leave it running."""
    broker = EmbeddedKafka(state_folder)
    try:
        yield broker.start()
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def warehouse_url(state_folder: StateFolder) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a running PostgreSQL; leave it running."""
    server = EmbeddedPostgres(state_folder, settings=FAST_POSTGRES)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kafka_admin(kafka: str) -> Iterator[KafkaAdminClient]:
    """Yield an administrator's client of the broker."""
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    yield admin
    admin.close()


@pytest.fixture
def topic(kafka_admin: KafkaAdminClient) -> Iterator[Callable[..., str]]:
    """Yield a factory of topics, `topic(partitions=1, configs={}) -> name`, deleted at the end."""
    made: list[str] = []

    def make(partitions: int = 1, configs: dict[str, str] | None = None) -> str:
        name = f"test-{uuid.uuid4().hex}"
        wanted: Any = {name: {"num_partitions": partitions, "configs": configs or {}}}
        kafka_admin.create_topics(wanted, **READY)
        made.append(name)
        return name

    yield make
    if made:
        kafka_admin.delete_topics(made)


@pytest.fixture
def database(warehouse_url: str) -> Iterator[str]:
    """Yield the SQLAlchemy URL of an empty database of this test's own, dropped at the end."""
    name = f"test_{uuid.uuid4().hex}"
    server = create_engine(warehouse_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(warehouse_url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
