"""The batch recomputation of what ran live: the same topics, with a new lake and a new database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import sqlalchemy as sa

from assets.resources import Progress
from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import ADMIN
from emberline.runner import run_pipeline
from emberline.services import Services
from emberline.settings import LakeSettings, WarehouseSettings
from pipelines.lake import Lake
from schemas.lake import EVENTS, QUARANTINE, LakeTable
from schemas.warehouse import DATA_TABLES

_ANEW = "recomputed"


def differences(services: Services) -> Iterator[str]:
    """Name the tables, of `events`, `quarantine` and `mart`, that differ from those of one run over all of Kafka."""
    with _anew(services) as anew:
        outcome = run_pipeline(anew, Progress())
        if not outcome.is_success:
            failed = ", ".join(check.table for check in outcome.failed_checks)
            yield f"the run that computes everything again failed: {outcome.failure or failed}"
            return
        for table in (EVENTS, QUARANTINE):
            found, expected = (_of_lake(lake, table) for lake in (services.lake(), anew.lake()))
            if found != expected:
                yield f"lake table {table.name}: {_differing(found, expected)}"
        live, fresh = services.warehouse(), anew.warehouse()
        for table in DATA_TABLES:
            found, expected = _rows(live.read(table)), _rows(fresh.read(table))
            if found != expected:
                yield f"warehouse table {table.name}: {_differing(found, expected)}"


@contextmanager
def _anew(services: Services) -> Iterator[Services]:
    """Return settings with the same engines and pseudonyms and a new lake and database in the state folder."""
    url = sa.make_url(services.warehouse_url())
    server = sa.create_engine(
        EmbeddedPostgres(services.state).url(ADMIN), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {_ANEW} OWNER {url.username}"))
    database = url.set(database=_ANEW).render_as_string(hide_password=False)
    try:
        yield Services(
            services.settings.model_copy(
                update={
                    "lake": LakeSettings(uri=str(services.state.path / _ANEW)),
                    "warehouse": WarehouseSettings(url=database),  # type: ignore[arg-type]
                }
            )
        )
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {_ANEW} WITH (FORCE)"))


def _rows(rows: pl.DataFrame) -> Counter[str]:
    """Return the rows as text, because rows with lists cannot be counted."""
    return Counter(map(repr, rows.iter_rows()))


def _of_lake(lake: Lake, table: LakeTable) -> Counter[str]:
    """Return all rows without `batch`, which depends on when a row was written."""
    return _rows(lake.open(table).scan().drop("batch").collect())


def _differing(found: Counter[str], expected: Counter[str]) -> str:
    more, less = found - expected, expected - found
    first = next(iter(more or less))
    return f"{more.total()} rows too many or different, {less.total()} missing or different, such as {first}"
