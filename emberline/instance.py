"""Dagster's instance of a state folder: its home, its storage in the warehouse's PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dagster as dg
import sqlalchemy as sa
import yaml
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import DBAPIError

from emberline.embedded.dagster_home import dagster_home
from emberline.embedded.state import write_private
from emberline.services import Services
from emberline.settings import URL_VARIABLE
from emberline.storage import KeptConnectionsStorage
from pipelines.publish.database import Database, Refused, take_turns
from pipelines.publish.errors import PublishError
from pipelines.publish.structure import create_schema


class InstanceFailed(PublishError):
    """Dagster's records of runs, in the warehouse's PostgreSQL, could not be read or written."""


_SCHEMA: Final = "dagster"
_REFUSED: Final = Refused(
    InstanceFailed,
    f"Let the warehouse's role create schemas in this database, or own the schema {_SCHEMA} and its tables.",
)


def dagster_environment(services: Services) -> dict[str, str]:
    """Make the home folder and the storage's schema; return the variables that point Dagster at them."""
    home = dagster_home(services.state, services.on_progress)
    kind = {"module": KeptConnectionsStorage.__module__, "class": KeptConnectionsStorage.__name__}
    storage = {"custom": {**kind, "config": {"postgres_url": {"env": URL_VARIABLE}}}}
    write_private(home / "dagster.yaml", _instance_file().read_text() + yaml.safe_dump({"storage": storage}))
    database = Database(services.dagster_url())
    with database.transaction(_REFUSED) as connection:
        take_turns(connection, "prepare")
        create_schema(connection, _SCHEMA)
    # Dagster's event notifications break on psycopg 3.
    url = database.url.set(drivername="postgresql+psycopg2")
    instance_url = url.update_query_dict({"options": f"-csearch_path={_SCHEMA}"})
    return {
        "DAGSTER_HOME": str(home),
        URL_VARIABLE: instance_url.render_as_string(hide_password=False),
        "EMBERLINE__STATE": str(services.state.path),
    }


@contextmanager
def dagster_instance(services: Services) -> Iterator[dg.DagsterInstance]:
    """The instance that runs of this process are recorded in. Dagster reads it from the environment only."""
    before = dict(os.environ)
    os.environ.update(dagster_environment(services))
    try:
        with _failures_told(services), dg.DagsterInstance.get() as instance:
            yield instance
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _failures_told(services: Services) -> Iterator[None]:
    """What Dagster's storage fails with is told as an error of this project."""
    try:
        yield
    except (DBAPIError, DagsterPostgresException) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error.__cause__ or error
        told = f"Dagster's records in PostgreSQL failed: {cause}".strip()
        url = sa.make_url(services.dagster_url())
        raise InstanceFailed(told, url=url, next_step=_REFUSED.next_step) from error


def _instance_file() -> Path:
    """`dagster.yaml`: at the top of a checkout, inside the package of an installed distribution."""
    package = Path(__file__).parent
    packaged = package / "dagster.yaml"
    return packaged if packaged.is_file() else package.parent / "dagster.yaml"
