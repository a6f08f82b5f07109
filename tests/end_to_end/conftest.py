"""A pipeline of a test's own: topics, lake and database that nobody else uses, on the session's engines."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from assets.resources import Progress
from emberline.runner import RunOutcome, run_pipeline
from emberline.services import Services
from emberline.settings import KafkaSettings, LakeSettings, Settings, WarehouseSettings
from emberline.simulator import Scenario, World, simulate
from pipelines.ingest.replay import produce

TOPICS = {"group.messages": "cloudevents", "commerce.events": "cloudevents", "raw.zulip": "zulip"}


class Pipeline:
    """Services, and the names that stand for the usual topics."""

    def __init__(self, services: Services, names: dict[str, str]) -> None:
        self.services = services
        self.names = names

    def send(self, records: pl.DataFrame) -> None:
        named = records.with_columns(pl.col("topic").replace_strict(self.names))
        produce(self.services.kafka(), named)

    def run(self) -> RunOutcome:
        return run_pipeline(self.services, Progress())


@pytest.fixture
def pipeline(kafka: str, database: str, topic: Callable[..., str], tmp_path: Path) -> Pipeline:
    names = {usual: topic(3) for usual in TOPICS}
    settings = Settings(
        state=tmp_path / "state",
        kafka=KafkaSettings(
            bootstrap_servers=kafka, topics={names[usual]: carrier for usual, carrier in TOPICS.items()}
        ),
        warehouse=WarehouseSettings(url=database),  # type: ignore[arg-type]
        lake=LakeSettings(uri=str(tmp_path / "lake")),
    )
    return Pipeline(Services(settings), names)


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(Scenario(seed=11, days=120, groups=16, members=600))
