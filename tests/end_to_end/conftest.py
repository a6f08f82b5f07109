"""A pipeline of a test's own: topics, lake and database that nobody else uses, on the session's engines."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from assets.resources import Progress
from emberline.embedded import EmbeddedPostgres, StateFolder
from emberline.instance import dagster_instance
from emberline.runner import RunOutcome, run_pipeline
from emberline.services import Services
from emberline.settings import KafkaSettings, LakeSettings, Settings, WarehouseSettings
from emberline.simulator import Scenario, World, simulate
from pipelines.ingest.replay import produce
from tests.conftest import database_of, template_of

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


@pytest.fixture(scope="session")
def run_template(
    state_folder: StateFolder, postgres: EmbeddedPostgres, prepared_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:  # fmt: skip
    """Give the name of a warehouse to copy that has Dagster's tables as well: to make them takes longer."""

    def make_tables(url: str) -> None:
        settings = Settings(state=tmp_path_factory.mktemp("state"), warehouse=WarehouseSettings(url=url))  # type: ignore[arg-type]
        with dagster_instance(Services(settings)):
            pass

    return template_of(state_folder, postgres, "run_template", make_tables, prepared_template)


@pytest.fixture
def database(postgres: EmbeddedPostgres, run_template: str) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a warehouse of this test's own in which Dagster has its tables."""
    with database_of(postgres, run_template) as url:
        yield url


def services_of(kafka: str, database: str, folder: Path, topics: dict[str, str]) -> Services:
    """Services whose state and lake lie in a folder; `topics` gives the carrier of each."""
    settings = Settings(
        state=folder / "state",
        kafka=KafkaSettings(bootstrap_servers=kafka, topics=topics),
        warehouse=WarehouseSettings(url=database),  # type: ignore[arg-type]
        lake=LakeSettings(uri=str(folder / "lake")),
    )
    return Services(settings)


@pytest.fixture
def pipeline(kafka: str, database: str, topic: Callable[..., str], tmp_path: Path) -> Pipeline:
    names = {usual: topic(3) for usual in TOPICS}
    topics = {names[usual]: carrier for usual, carrier in TOPICS.items()}
    return Pipeline(services_of(kafka, database, tmp_path, topics), names)


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(Scenario(seed=11, days=120, groups=16, members=600))
