"""A PostgreSQL of one's own with exactly the rights that docs/how-to/connect-kafka-and-postgresql.md grants."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors
from pydantic import SecretStr

from assets.resources import Progress
from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import ADMIN
from emberline.runner import run_pipeline
from emberline.services import Services
from emberline.settings import DagsterSettings, KafkaSettings, Settings, WarehouseSettings
from pipelines.carriers import CARRIERS
from pipelines.ingest.replay import replay
from schemas.warehouse import MART
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "how-to" / "connect-kafka-and-postgresql.md"
SECRET = "…"  # as the page has it
NAMES = ("emberline_dagster", "emberline", "analyst", "analytics")


def connect(url: sa.URL) -> psycopg.Connection:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


@pytest.fixture
def names() -> dict[str, str]:
    """The names of the page, and others in their place: the server has roles of such names already."""
    return {name: f"{name}_{uuid.uuid4().hex[:8]}" for name in NAMES}


@pytest.fixture
def as_printed(postgres: EmbeddedPostgres, names: dict[str, str]) -> Iterator[dict[str, sa.URL]]:
    """The URLs of the page's roles, after its SQL was executed as printed."""
    admin = sa.make_url(postgres.url(ADMIN))
    page = PAGE.read_text().partition("## PostgreSQL")[2]
    printed = [
        re.sub(rf"\b({'|'.join(NAMES)})\b", lambda name: names[name[0]], block)
        for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    ]
    of_server, of_warehouse, afterwards = printed
    with connect(admin) as server:
        server.execute(f"CREATE DATABASE {names['analytics']}".encode())
        server.execute(f"REVOKE ALL ON DATABASE {names['analytics']} FROM PUBLIC".encode())
        for statement in filter(None, map(str.strip, of_server.split(";"))):
            server.execute(statement.encode())
    with connect(admin.set(database=names["analytics"])) as warehouse:
        warehouse.execute(of_warehouse.encode())
        warehouse.execute(afterwards.encode())
    databases = {"emberline_dagster": "emberline_dagster", "emberline": "analytics", "analyst": "analytics"}
    yield {
        role: admin.set(username=names[role], password=SECRET, database=names[database])
        for role, database in databases.items()
    }
    with connect(admin) as server:
        for database in ("analytics", "emberline_dagster"):
            server.execute(f"DROP DATABASE {names[database]} WITH (FORCE)".encode())
        for role in databases:
            server.execute(f"DROP ROLE {names[role]}".encode())


@pytest.mark.slow
def test_the_rights_of_the_page_are_enough_for_pipeline_and_readers_and_no_more_than_enough(
    kafka: str, as_printed: dict[str, sa.URL], tmp_path: Path
):
    topic = f"group.messages-{uuid.uuid4().hex}"
    secret = {role: SecretStr(url.render_as_string(hide_password=False)) for role, url in as_printed.items()}
    services = Services(
        Settings(
            state=tmp_path / "state",
            kafka=KafkaSettings(bootstrap_servers=kafka, topics={topic: "cloudevents"}),
            warehouse=WarehouseSettings(url=secret["emberline"]),
            dagster=DagsterSettings(storage_url=secret["emberline_dagster"]),
        )
    )
    services.kafka().create_topics([topic], partitions=1)
    replay(services.kafka(), topic, ROOT / "docs" / "samples" / "events.jsonl", CARRIERS["cloudevents"])
    for _ in range(2):
        outcome = run_pipeline(services, Progress())
        assert outcome.is_success, outcome.failure
    with connect(as_printed["analyst"]) as analyst:
        found = "SELECT relname FROM pg_class WHERE relnamespace = 'mart'::regnamespace AND relkind = 'r'"
        for (table,) in analyst.execute(found).fetchall():
            analyst.execute(f"SELECT * FROM {MART}.{table}".encode())
        assert analyst.execute("SELECT count(*) > 0 FROM mart.dim_group").fetchone() == (True,)
        for statement in (
            "SELECT * FROM ops.alert",
            "SELECT * FROM staging.dim_group",
            "DELETE FROM mart.dim_group",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                analyst.execute(statement.encode())
    with connect(as_printed["emberline"]) as pipeline:
        for statement in ("CREATE SCHEMA another", "CREATE TEMP TABLE t (x int)", "CREATE TABLE public.t (x int)"):
            with pytest.raises(errors.InsufficientPrivilege):
                pipeline.execute(statement.encode())
        assert pipeline.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'dagster'").fetchone() == (0,)
