"""Dagster's instance of a state folder: its home, and its storage in the warehouse's PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dagster as dg
import dagster_postgres
import sqlalchemy as sa
import yaml
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from emberline.embedded.dagster_home import dagster_home, home_of
from emberline.embedded.errors import EngineError
from emberline.embedded.state import write_private
from emberline.services import Services
from emberline.settings import URL_VARIABLE
from emberline.storage import KeptConnectionsStorage
from pipelines.publish.database import Database, Refused, take_turns
from pipelines.publish.errors import PublishError
from pipelines.publish.structure import create_schema
from sensors.failures import MEND_RECORDS


class InstanceFailed(PublishError):
    """Dagster's records of runs, in the warehouse's PostgreSQL, could not be read or written."""


class InstallationUnfit(EngineError):
    """The path of emberline's installation has characters that Dagster's storage does not support."""


_FILE: Final = "dagster.yaml"
DAGSTER_SCHEMA: Final = "dagster"
_TABLES: Final = ("runs", "instance_info", "event_logs", "jobs")
_REFUSED: Final = Refused(
    InstanceFailed,
    f"Let the warehouse's role create schemas in this database, or own the schema {DAGSTER_SCHEMA} and its tables.",
)


def dagster_environment(services: Services) -> dict[str, str]:
    """Create Dagster's home and the schema of its storage; return the environment variables with both.

    Raises:
        InstallationUnfit: Dagster's tables cannot be created from the path of the installation.
    """
    _refuse_installation(Path(dagster_postgres.__file__).parent)
    home = dagster_home(services.state, services.on_progress)
    kind = {"module": KeptConnectionsStorage.__module__, "class": KeptConnectionsStorage.__name__}
    storage = {"custom": {**kind, "config": {"postgres_url": {"env": URL_VARIABLE}}}}
    write_private(home / _FILE, _instance_file().read_text() + yaml.safe_dump({"storage": storage}))
    database = _database(services)
    with database.transaction(_REFUSED) as connection:
        take_turns(connection, "prepare")
        create_schema(connection, DAGSTER_SCHEMA)
    return _environment(services, home, database)


@contextmanager
def dagster_instance(services: Services) -> Iterator[dg.DagsterInstance]:
    """Open the instance in which runs of this process are recorded."""
    with _opened(services, dagster_environment(services)) as instance:
        yield instance


@contextmanager
def recorded_instance(services: Services) -> Iterator[dg.DagsterInstance | None]:
    """Open the instance for reading; None if this state folder has no runs yet. Nothing is created."""
    home, database = home_of(services.state), _database(services)
    if not (home / _FILE).is_file() or not _is_stored(database):
        yield None
        return
    with _opened(services, _environment(services, home, database)) as instance:
        yield instance


def _refuse_installation(folder: Path) -> None:
    # Alembic, which makes Dagster's tables, reads the path of its scripts as a text with variables.
    if "%" in str(folder):
        raise InstallationUnfit(
            "Dagster cannot make its tables from a folder whose path has: %",
            place=folder,
            next_step="Install emberline below a folder without it; the state folder may stay where it is.",
        )


def _database(services: Services) -> Database:
    if services.settings.dagster.storage_url is None:
        return Database(services.dagster_url())
    return Database(services.dagster_url(), "EMBERLINE__DAGSTER__STORAGE_URL")


def _environment(services: Services, home: Path, database: Database) -> dict[str, str]:
    # Dagster's event notifications break on psycopg 3.
    url = database.url.set(drivername="postgresql+psycopg2")
    instance_url = url.update_query_dict({"options": f"-csearch_path={DAGSTER_SCHEMA}"})
    return {
        "DAGSTER_HOME": str(home),
        URL_VARIABLE: instance_url.render_as_string(hide_password=False),
        "EMBERLINE__STATE": str(services.state.path),
    }


def _is_stored(database: Database) -> bool:
    """Whether Dagster's tables exist, by those that Dagster itself checks."""
    names = sa.literal([f"{DAGSTER_SCHEMA}.{table}" for table in _TABLES], ARRAY(sa.Text))
    missing = sa.select(sa.func.unnest(names).column_valued("name"))
    missing = missing.where(sa.func.to_regclass(sa.column("name")).is_(None))
    with database.transaction(_REFUSED) as connection:
        return connection.execute(missing).first() is None


@contextmanager
def _opened(services: Services, environment: Mapping[str, str]) -> Iterator[dg.DagsterInstance]:
    """Set the environment variables, since Dagster reads its instance from nowhere else, and open it."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with _translate_errors(services), dg.DagsterInstance.get() as instance:
            yield instance
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _translate_errors(services: Services) -> Iterator[None]:
    """Raise failures of Dagster's storage as an error of this project."""
    try:
        yield
    except (DBAPIError, DagsterPostgresException) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error.__cause__ or error
        text = f"Dagster's records in PostgreSQL failed: {cause}".strip()
        url = sa.make_url(services.dagster_url())
        next_step = _REFUSED.next_step if _is_of_rights(cause) else MEND_RECORDS
        raise InstanceFailed(text, url=url, next_step=next_step) from error


def _is_of_rights(cause: BaseException | None) -> bool:
    """Whether the cause is a missing privilege, or a schema that the role cannot see."""
    if isinstance(cause, DBAPIError):
        cause = cause.orig
    return getattr(cause, "pgcode", None) in {"42501", "3F000"}


def _instance_file() -> Path:
    """Return the path of `dagster.yaml`: in the root of a checkout, or in the package of an installation."""
    package = Path(__file__).parent
    packaged = package / _FILE
    return packaged if packaged.is_file() else package.parent / _FILE
