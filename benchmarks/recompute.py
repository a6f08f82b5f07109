"""The batch recomputation of a warehouse: the same topics, a lake and a database that do not exist before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from assets.resources import Progress
from emberline.runner import run_pipeline
from emberline.services import Services
from emberline.settings import LakeSettings, WarehouseSettings
from schemas.warehouse import DATA_TABLES


class RecomputationFailed(RuntimeError):
    """The run over everything did not succeed, so there is nothing to compare with."""


def differing_tables(services: Services) -> list[str]:
    """Names of the published tables whose rows differ from those that one run over all of Kafka computes."""
    with _fresh(services) as fresh:
        outcome = run_pipeline(fresh, Progress())
        if not outcome.is_success:
            raise RecomputationFailed(outcome.error or f"{len(outcome.failed_checks)} checks failed")
        live, anew = services.warehouse(), fresh.warehouse()
        return [
            table.name
            for table in DATA_TABLES
            if sorted(live.read(table).rows(), key=repr) != sorted(anew.read(table).rows(), key=repr)
        ]


@contextmanager
def _fresh(services: Services) -> Iterator[Services]:
    """The same engines with a lake and a database of their own, which go afterwards."""
    url = sa.make_url(services.warehouse_url())
    name = "recomputed"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    database = url.set(database=name).render_as_string(hide_password=False)
    try:
        yield Services(
            services.settings.model_copy(
                update={
                    "lake": LakeSettings(uri=str(services.state.path / name)),
                    "warehouse": WarehouseSettings(url=database),  # type: ignore[arg-type]
                }
            )
        )
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
