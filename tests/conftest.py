"""Real engines for the tests: one Kafka and one PostgreSQL for a test run, whatever the number of its workers."""

import gc
import os
import signal
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from kafka.admin import KafkaAdminClient

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres, StateFolder
from emberline.embedded.kafka_login import LETS_EVERYBODY_IN
from emberline.embedded.postgres_roles import ADMIN, PIPELINE
from pipelines.publish.warehouse import Warehouse
from tests.examples import register_profiles
from tests.object_store import Bucket, store_running
from tests.temporary import temporary_files_in_memory

register_profiles()

# Nobody needs the rows of a test after a loss of power.
FAST_POSTGRES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


# A setting of the client that the type stubs, made for an older one, do not know.
READY: dict[str, Any] = {"wait_for_metadata": True}

_STATE = pytest.StashKey[StateFolder]()
_END_CONNECTIONS = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of the run share; a worker is told where it is."""
    if _of_worker(config) is None:
        temporary_files_in_memory()
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    shared = _of_worker(config) or tempfile.mkdtemp(prefix="emberline-tests-")
    config.stash[_STATE] = StateFolder(Path(shared))
    if _of_worker(config) is None:
        # Else a run that is terminated would leave its engines behind.
        signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=128 + signal.SIGTERM))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist where the shared folder is."""
    node.workerinput["state"] = str(node.config.stash[_STATE].path)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the engines once all workers have ended, also those that died, and remove the folder."""
    state = config.stash.get(_STATE, None)
    if state is None or _of_worker(config) is not None:
        return
    EmbeddedKafka(state).stop()
    EmbeddedPostgres(state).stop()
    state.destroy()


def _of_worker(config: pytest.Config) -> str | None:
    """The shared folder, as a worker of xdist was told it; None in the process that leads the run."""
    return getattr(config, "workerinput", {}).get("state")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare Python the search for garbage in what collecting tests makes: half a million objects, which all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the slow tests: one that begins last keeps the others waiting.

    They are dealt by file, else each worker would make the fixtures of each file.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow") or item.get_closest_marker("soak")]
    others = set(items).difference(slow)
    quick = iter([item for item in items if item in others])
    files = {path: number % workers for number, path in enumerate(dict.fromkeys(item.path for item in slow))}
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        ordered += (item for item in slow if files[item.path] == worker)
        # Stealing begins with as long a piece of the list for each worker.
        ordered += islice(quick, max(0, len(items) * (worker + 1) // workers - len(ordered)))
    items[:] = [*ordered, *quick]


@pytest.fixture(scope="session")
def state_folder(pytestconfig: pytest.Config) -> StateFolder:
    """Give the state folder of the test run, which all workers share and which is removed at its end."""
    return pytestconfig.stash[_STATE]


@pytest.fixture(scope="session")
def kafka(state_folder: StateFolder) -> str:
    """Give the bootstrap servers of the broker that all workers share; leave it running.

    It asks for no login, as clients of many kinds talk to it. The one of the product does: see test_embedded_kafka.py.
    """
    return EmbeddedKafka(state_folder, properties=LETS_EVERYBODY_IN).start()


@pytest.fixture(scope="session")
def postgres(state_folder: StateFolder) -> EmbeddedPostgres:
    """Give the PostgreSQL that all workers share, running; leave it running."""
    server = EmbeddedPostgres(state_folder, settings=FAST_POSTGRES)
    server.start()
    return server


@pytest.fixture(scope="session")
def kafka_admin(kafka: str) -> Iterator[KafkaAdminClient]:
    """Yield an administrator's client of the broker."""
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    yield admin
    admin.close()


def create_topic(admin: KafkaAdminClient, partitions: int = 1, configs: dict[str, str] | None = None) -> str:
    """Create a topic and return its name."""
    name = f"test-{uuid.uuid4().hex}"
    wanted: Any = {name: {"num_partitions": partitions, "configs": configs or {}}}
    admin.create_topics(wanted, **READY)
    return name


@pytest.fixture
def topic(kafka_admin: KafkaAdminClient) -> Iterator[Callable[..., str]]:
    """Yield a factory of topics, `topic(partitions=1, configs={}) -> name`, deleted at the end."""
    made: list[str] = []

    def make(partitions: int = 1, configs: dict[str, str] | None = None) -> str:
        made.append(create_topic(kafka_admin, partitions, configs))
        return made[-1]

    yield make
    if made:
        kafka_admin.delete_topics(made)


@pytest.fixture
def database(postgres: EmbeddedPostgres, prepared_template: str) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a prepared warehouse of this test's own, dropped at the end."""
    with database_of(postgres, prepared_template) as url:
        yield url


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a database of this test's own that nothing was done to, dropped at the end."""
    with database_of(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def prepared_template(state_folder: StateFolder, postgres: EmbeddedPostgres) -> str:
    """Give the name of a prepared warehouse to copy: to prepare each takes longer."""
    return template_of(state_folder, postgres, "prepared_template", lambda url: Warehouse(url).prepare())


def template_of(
    state_folder: StateFolder,
    postgres: EmbeddedPostgres,
    name: str,
    fill: Callable[[str], None],
    template: str = "template1",
) -> str:
    """Return the name of a database to copy, made once a test run: itself a copy of another one, then filled."""
    there = sa.text("SELECT 1 FROM pg_database WHERE datname = :name").bindparams(name=name)
    with state_folder.lock(name), _server(postgres) as server:
        if server.execute(there).first() is None:
            draft = f"{name}_draft"
            server.execute(sa.text(f"DROP DATABASE IF EXISTS {draft}"))
            server.execute(sa.text(f"CREATE DATABASE {draft} OWNER {PIPELINE.role} TEMPLATE {template}"))
            fill(_url_of(postgres, draft))
            # Dagster keeps its connections.
            server.execute(_END_CONNECTIONS.bindparams(name=draft))
            server.execute(sa.text(f"ALTER DATABASE {draft} RENAME TO {name}"))
    return name


@contextmanager
def database_of(postgres: EmbeddedPostgres, template: str = "template1") -> Iterator[str]:
    """Yield the pipeline's URL of a new database, a copy of another one; drop it at the end."""
    name = f"test_{uuid.uuid4().hex}"
    with _server(postgres) as server:
        server.execute(sa.text(f"CREATE DATABASE {name} OWNER {PIPELINE.role} TEMPLATE {template}"))
    yield _url_of(postgres, name)
    with _server(postgres) as server:
        server.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def copies_of(postgres: EmbeddedPostgres, url: str) -> Iterator[str]:
    """Close a database to everybody, and yield its name for `database_of` to copy."""
    name = sa.make_url(url).database
    with _server(postgres) as server:
        server.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        server.execute(_END_CONNECTIONS.bindparams(name=name))
    yield str(name)


@contextmanager
def _server(postgres: EmbeddedPostgres) -> Iterator[sa.Connection]:
    """A connection of the administrator; no test of the product has one."""
    engine = sa.create_engine(postgres.url(ADMIN), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


def _url_of(postgres: EmbeddedPostgres, database: str) -> str:
    return sa.make_url(postgres.url(PIPELINE)).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def object_store() -> Iterator[Callable[[], Bucket]]:
    """Yield a factory of new buckets in an object store of this worker's own."""
    with store_running() as bucket:
        yield bucket


@pytest.fixture
def bucket(object_store: Callable[[], Bucket]) -> Bucket:
    """Give an empty bucket of the test's own."""
    return object_store()
