"""The full audit, through Dagster's job: runs that staged only what changed left nothing for it to mend."""

import shutil
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from assets.resources import Progress
from emberline.instance import dagster_instance
from emberline.runner import RunOutcome, run_pipeline
from schemas.warehouse import DATA_TABLES, MART, STAGING, group_day
from sensors.jobs import audit_job
from tests.end_to_end.conftest import Pipeline


def test_rows_that_other_code_makes_are_staged_as_a_whole_though_the_lake_has_nothing_new(pipeline, world, monkeypatch):
    pipeline.send(world.records.head(5_000))
    assert pipeline.run().is_success
    warehouse = pipeline.services.warehouse()
    before = warehouse.published_states()
    monkeypatch.setattr("pipelines.publish.rows._CODE_VERSION", 2)
    again = pipeline.run()
    assert again.is_success
    assert not again.is_changed
    now = warehouse.published_states()
    assert all(now[name].contract != state.contract for name, state in before.items())


def data_versions(pipeline: Pipeline) -> dict[str, str]:
    """The version of its data that Dagster shows of each table of `mart`, which is that of what was staged."""
    found = {}
    with dagster_instance(pipeline.services) as instance:
        for table in DATA_TABLES:
            keys = [dg.AssetKey([schema, table.name]) for schema in (STAGING, MART)]
            events = [instance.get_latest_materialization_event(key) for key in keys]
            made = [event.asset_materialization for event in events if event is not None]
            of_staging, of_mart = [(one.tags or {})["dagster/data_version"] for one in made if one is not None]
            assert of_staging == of_mart
            found[table.name] = of_mart
    return found


def test_after_runs_that_staged_what_changed_the_audit_mends_nothing_but_what_somebody_else_wrote(pipeline, world):
    def audit() -> RunOutcome:
        return run_pipeline(pipeline.services, Progress(), audit_job.name)

    warehouse, size = pipeline.services.warehouse(), world.records.height // 3
    versions = []
    for number in range(3):
        pipeline.send(world.records.slice(number * size, size if number < 2 else None))
        assert pipeline.run().is_success
        versions.append(data_versions(pipeline)["group_day"])
        if number:
            staged = warehouse.staged()
            assert not any(one.is_whole for one in staged.values())

    assert len({*versions}) == 3
    before = data_versions(pipeline)
    untouched = audit()
    assert untouched.is_success
    assert data_versions(pipeline) == before
    assert {name for name, rows in untouched.rows_changed.items() if rows} == set()
    assert set(untouched.rows_changed) == {table.name for table in DATA_TABLES}

    with sa.create_engine(warehouse.url, poolclass=sa.NullPool).begin() as connection:
        newest = sa.select(sa.func.max(group_day.c.day)).scalar_subquery()
        connection.execute(
            sa.update(group_day).values(messages=group_day.c.messages + 1).where(group_day.c.day == newest)
        )
    mended = audit()
    assert mended.is_success
    assert {name for name, rows in mended.rows_changed.items() if rows} == {"group_day"}
    assert not audit().is_changed


def test_after_a_backup_of_the_lake_was_restored_the_next_run_publishes_what_it_made_of_it(pipeline, world):
    lake, size = Path(pipeline.services.settings.lake.uri), world.records.height // 3
    for number in range(2):
        pipeline.send(world.records.slice(number * size, size))
        assert pipeline.run().is_success
        if number == 0:
            shutil.copytree(lake, lake.with_name("backup"))

    shutil.rmtree(lake)
    shutil.move(lake.with_name("backup"), lake)
    # Read together with what the backup did not have, it is as many commits as there were before.
    pipeline.send(world.records.slice(2 * size, None))
    assert pipeline.run().is_success

    untouched = run_pipeline(pipeline.services, Progress(), audit_job.name)
    assert {name for name, rows in untouched.rows_changed.items() if rows} == set()
