"""A whole pipeline of a test's own, on Dagster's ephemeral instance and the session's engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.ingest import INGESTED
from emberline.definitions import build_defs
from emberline.services import Services
from emberline.settings import KafkaSettings, LakeSettings, Settings, WarehouseSettings
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


@pytest.fixture
def whole(kafka: str, database: str, topic: Callable[..., str], tmp_path: Path) -> Iterator[Place]:
    """Yield a pipeline over one topic."""
    name = topic()
    settings = Settings(
        state=tmp_path / "state",
        kafka=KafkaSettings(bootstrap_servers=kafka, topics={name: "cloudevents"}),
        warehouse=WarehouseSettings(url=database),  # type: ignore[arg-type]
        lake=LakeSettings(uri=str(tmp_path / "lake")),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        yield Place(Services(settings), name, instance)
