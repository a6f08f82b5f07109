"""The full audit, through Dagster's job: runs that staged only what changed left nothing for it to mend."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa
from kafka.admin import KafkaAdminClient
from polars.testing import assert_frame_equal

from assets.resources import Progress
from emberline.embedded import EmbeddedPostgres
from emberline.instance import dagster_instance
from emberline.runner import RunOutcome, run_pipeline
from emberline.simulator import World
from schemas.warehouse import DATA_TABLES, MART, group_day
from sensors.jobs import audit_job
from tests.conftest import copies_of, create_topic, database_of
from tests.end_to_end.conftest import TOPICS, Pipeline, services_of


class Begun(NamedTuple):
    """What a pipeline has that has run once: its folder, the topics it has read, a database to copy."""

    folder: Path
    topics: dict[str, str]
    database: str


@pytest.fixture(scope="module")
def once_begun(
    kafka: str, kafka_admin: KafkaAdminClient, postgres: EmbeddedPostgres, run_template: str, world: World,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Begun]:  # fmt: skip
    """Yield a pipeline that published the first third of the world, for copies of it."""
    names, folder = {usual: create_topic(kafka_admin) for usual in TOPICS}, tmp_path_factory.mktemp("begun")
    topics = {names[usual]: carrier for usual, carrier in TOPICS.items()}
    with database_of(postgres, run_template) as url:
        pipeline = Pipeline(services_of(kafka, url, folder, topics), names)
        pipeline.send(third(world, 0))
        assert pipeline.run().is_success
        with copies_of(postgres, url) as database:
            yield Begun(folder, topics, database)
    kafka_admin.delete_topics([*topics])


@pytest.fixture
def begun(
    once_begun: Begun, kafka: str, postgres: EmbeddedPostgres, topic: Callable[..., str], tmp_path: Path
) -> Iterator[Pipeline]:
    """Yield a copy of the pipeline that published the first third of the world; what it sends has own topics."""
    shutil.copytree(once_begun.folder, folder := tmp_path / "begun")
    names = {usual: topic() for usual in TOPICS}
    topics = once_begun.topics | {names[usual]: carrier for usual, carrier in TOPICS.items()}
    with database_of(postgres, once_begun.database) as url:
        yield Pipeline(services_of(kafka, url, folder, topics), names)


def third(world: World, number: int) -> pl.DataFrame:
    """The first, second or last third of what the world sends."""
    size = world.records.height // 3
    return world.records.slice(number * size, size if number < 2 else None)


def test_rows_that_other_code_makes_are_staged_as_a_whole_though_the_lake_has_nothing_new(begun, monkeypatch):
    warehouse = begun.services.warehouse()
    before = warehouse.published_states()
    monkeypatch.setattr("pipelines.publish.rows._CODE_VERSION", 2)
    again = begun.run()
    assert again.is_success
    assert not again.is_changed
    now = warehouse.published_states()
    assert all(now[name].contract != state.contract for name, state in before.items())


def data_versions(pipeline: Pipeline) -> dict[str, str]:
    """The version of its data that Dagster shows of each table of `mart`, which is that of what was published."""
    found, published = {}, pipeline.services.warehouse().published_states()
    with dagster_instance(pipeline.services) as instance:
        for table in DATA_TABLES:
            event = instance.get_latest_materialization_event(dg.AssetKey([MART, table.name]))
            assert event is not None
            assert event.asset_materialization is not None
            found[table.name] = (event.asset_materialization.tags or {})["dagster/data_version"]
            assert found[table.name] == published[table.name].name
    return found


@pytest.mark.soak
def test_after_runs_that_staged_what_changed_the_audit_mends_nothing_but_what_somebody_else_wrote(begun, world):
    def audit() -> RunOutcome:
        return run_pipeline(begun.services, Progress(), audit_job.name)

    warehouse = begun.services.warehouse()
    versions = [data_versions(begun)["group_day"]]
    for number in (1, 2):
        begun.send(third(world, number))
        assert begun.run().is_success
        versions.append(data_versions(begun)["group_day"])
        assert not any(one.is_whole for one in warehouse.staged().values())

    assert len({*versions}) == 3
    before = data_versions(begun)
    untouched = audit()
    assert untouched.is_success
    assert data_versions(begun) == before
    assert {name for name, rows in untouched.rows_changed.items() if rows} == set()
    assert set(untouched.rows_changed) == {table.name for table in DATA_TABLES}

    right = warehouse.read(group_day).sort("group_id", "day")
    with sa.create_engine(warehouse.url, poolclass=sa.NullPool).begin() as connection:
        newest = sa.select(sa.func.max(group_day.c.day)).scalar_subquery()
        connection.execute(
            sa.update(group_day).values(messages=group_day.c.messages + 1).where(group_day.c.day == newest)
        )
    mended = audit()
    assert mended.is_success
    assert {name for name, rows in mended.rows_changed.items() if rows} == {"group_day"}
    assert_frame_equal(warehouse.read(group_day).sort("group_id", "day"), right)


# That a table of a restored lake is staged as a whole, every change is tried on in test_differences.py.
@pytest.mark.soak
def test_after_a_backup_of_the_lake_was_restored_the_next_run_publishes_what_it_made_of_it(begun, world):
    lake = Path(begun.services.settings.lake.uri)
    shutil.copytree(lake, lake.with_name("backup"))
    begun.send(third(world, 1))
    assert begun.run().is_success

    shutil.rmtree(lake)
    shutil.move(lake.with_name("backup"), lake)
    # Read together with what the backup did not have, it is as many commits as there were before.
    begun.send(third(world, 2))
    assert begun.run().is_success

    untouched = run_pipeline(begun.services, Progress(), audit_job.name)
    assert {name for name, rows in untouched.rows_changed.items() if rows} == set()
