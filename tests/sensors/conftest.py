"""A whole pipeline of a test's own, on Dagster's ephemeral instance and the session's engines."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from kafka.admin import KafkaAdminClient

from assets.ingest import INGESTED
from emberline.definitions import build_defs
from emberline.embedded import EmbeddedPostgres
from emberline.services import Services
from emberline.settings import KafkaSettings, LakeSettings, Settings, WarehouseSettings
from tests.conftest import copies_of, create_topic, database_of
from tests.pipelines.canonical import NOON, encoded, message
from tests.pipelines.ingest.conftest import send, transactional

__all__ = ["send", "transactional"]

INGEST = tuple(table.name for table in INGESTED)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Place:
    """Definitions, an instance, and a topic to say something in."""

    def __init__(self, services: Services, topic: str, instance: dg.DagsterInstance) -> None:
        self.services, self.topic, self.instance = services, topic, instance
        self.defs = build_defs(
            {
                "kafka": services.kafka(),
                "lake": services.lake(),
                "warehouse": services.warehouse(),
                "rules": services.rules(),
            }
        )

    def say(self, *days: float) -> None:
        """One message on each of the days, counted from a Monday in March."""
        producer = self.services.kafka().producer()
        for day in days:
            time = NOON + dt.timedelta(days=day)
            producer.send(self.topic, encoded(message(id=f"on {day}", time=time.isoformat())))
        producer.close()

    def run(self, *assets: str, succeeds: bool = True) -> dg.ExecuteInProcessResult:
        """A run of `pipeline_job`, or of these assets alone."""
        keys = [dg.AssetKey.from_user_string(name) for name in assets]
        job = self.defs.resolve_implicit_global_asset_job_def() if keys else self.defs.resolve_job_def("pipeline_job")
        done = job.execute_in_process(
            instance=self.instance, asset_selection=keys or None, run_config=QUIET, raise_on_error=succeeds
        )
        assert done.success is succeeds
        return done


def services_of(kafka: str, database: str, folder: Path, *topics: str) -> Services:
    settings = Settings(
        state=folder / "state",
        kafka=KafkaSettings(bootstrap_servers=kafka, topics=dict.fromkeys(topics, "cloudevents")),
        warehouse=WarehouseSettings(url=database),  # type: ignore[arg-type]
        lake=LakeSettings(uri=str(folder / "lake")),
    )
    return Services(settings)


@pytest.fixture
def whole(kafka: str, database: str, topic: Callable[..., str], tmp_path: Path) -> Iterator[Place]:
    """Yield a pipeline over one topic."""
    name = topic()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Place(services_of(kafka, database, tmp_path, name), name, instance)


@dataclass(frozen=True)
class Begun:
    """What a pipeline has that said and ran something once: a folder, the topic it has read, a database to copy."""

    folder: Path
    topic: str
    database: str


@pytest.fixture(scope="session")
def once_begun(
    kafka: str, kafka_admin: KafkaAdminClient, postgres: EmbeddedPostgres, prepared_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Begun]:  # fmt: skip
    """Yield a pipeline that said one message on each of five days, and published them, for copies of it."""
    topic, folder = create_topic(kafka_admin), tmp_path_factory.mktemp("begun")
    with database_of(postgres, prepared_template) as url, dg.DagsterInstance.ephemeral() as instance:
        place = Place(services_of(kafka, url, folder, topic), topic, instance)
        place.say(*range(5))
        place.run()
        with copies_of(postgres, url) as database:
            yield Begun(folder, topic, database)
    kafka_admin.delete_topics([topic])


@pytest.fixture
def begun(
    once_begun: Begun, kafka: str, postgres: EmbeddedPostgres, topic: Callable[..., str], tmp_path: Path
) -> Iterator[Place]:
    """Yield a copy of a pipeline that published one message on each of five days; `say` has a topic of its own."""
    shutil.copytree(once_begun.folder, folder := tmp_path / "begun")
    name = topic()
    with database_of(postgres, once_begun.database) as url, dg.DagsterInstance.ephemeral() as instance:
        yield Place(services_of(kafka, url, folder, once_begun.topic, name), name, instance)
