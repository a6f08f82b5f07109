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

from emberline.embedded.state import write_private
from emberline.services import Services
from emberline.storage import KeptConnectionsStorage

URL_VARIABLE: Final = "EMBERLINE_DAGSTER_URL"
_SCHEMA: Final = "dagster"


def dagster_environment(services: Services) -> dict[str, str]:
    """Make the home folder and the storage's schema; return the variables that point Dagster at them."""
    home = services.state.path / "dagster"
    home.mkdir(mode=0o700, exist_ok=True)
    kind = {"module": KeptConnectionsStorage.__module__, "class": KeptConnectionsStorage.__name__}
    storage = {"custom": {**kind, "config": {"postgres_url": {"env": URL_VARIABLE}}}}
    write_private(home / "dagster.yaml", _instance_file().read_text() + yaml.safe_dump({"storage": storage}))
    url = sa.make_url(services.dagster_url())
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        # With IF NOT EXISTS, too, PostgreSQL asks for the right to create one.
        if not sa.inspect(connection).has_schema(_SCHEMA):
            connection.execute(sa.schema.CreateSchema(_SCHEMA, if_not_exists=True))
    # Dagster's event notifications break on psycopg 3.
    instance_url = url.set(drivername="postgresql+psycopg2").update_query_dict({"options": f"-csearch_path={_SCHEMA}"})
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
        with dg.DagsterInstance.get() as instance:
            yield instance
    finally:
        os.environ.clear()
        os.environ.update(before)


def _instance_file() -> Path:
    """`dagster.yaml`: at the top of a checkout, inside the package of an installed distribution."""
    package = Path(__file__).parent
    packaged = package / "dagster.yaml"
    return packaged if packaged.is_file() else package.parent / "dagster.yaml"
