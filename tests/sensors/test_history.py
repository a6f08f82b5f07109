"""Dagster's history on PostgreSQL, with the instance's own settings: what is pruned, and what has to stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from emberline.instance import dagster_instance
from emberline.services import Services
from emberline.settings import Settings, WarehouseSettings
from pipelines.operations.maintenance import MaintenancePolicy
from sensors import history
from sensors.history import prune_history

KEEP_TWO = MaintenancePolicy(keep_runs=2)
OF_RUNS = ("runs", "run_tags", "event_logs", "asset_event_tags", "asset_check_executions")


@pytest.fixture
def services(database: str, tmp_path: Path) -> Services:
    return Services(
        Settings(state=tmp_path / "state", warehouse=WarehouseSettings(url=database))  # type: ignore[arg-type]
    )


@pytest.fixture
def instance(services: Services) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(services) as instance:
        yield instance


@dg.asset
def table() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("1"))


@dg.asset
def seldom() -> None: ...


@dg.asset_check(asset=table)
def holds() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


DEFS = dg.Definitions(
    assets=[table, seldom],
    asset_checks=[holds],
    jobs=[dg.define_asset_job("often", [table]), dg.define_asset_job("once", [seldom])],
)


def run(instance: dg.DagsterInstance, job: str, times: int = 1) -> list[str]:
    resolved = DEFS.resolve_job_def(job)
    return [resolved.execute_in_process(instance=instance, tags={"why": "test"}).run_id for _ in range(times)]


def rows(services: Services) -> dict[str, int]:
    engine = sa.create_engine(services.warehouse_url(), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return {
            name: connection.execute(
                sa.select(sa.func.count()).select_from(sa.table(name, schema="dagster"))
            ).scalar_one()
            for name in OF_RUNS
        }


def test_what_a_run_left_goes_with_it_and_nothing_of_it_stays(services: Services, instance: dg.DagsterInstance):
    run(instance, "often", 2)
    kept = rows(services)
    run(instance, "often", 5)
    assert prune_history(instance, KEEP_TWO, dt.datetime.now(dt.UTC)).runs == 5
    assert rows(services) == kept
    assert prune_history(instance, KEEP_TWO, dt.datetime.now(dt.UTC)).runs == 0


def test_the_run_that_last_made_an_asset_stays_however_old_it_is(instance: dg.DagsterInstance):
    (once,) = run(instance, "once")
    run(instance, "often", 4)
    prune_history(instance, KEEP_TWO, dt.datetime.now(dt.UTC) + dt.timedelta(days=365))
    assert instance.get_run_by_id(once) is not None
    newest = instance.get_latest_materialization_event(dg.AssetKey("seldom"))
    assert newest is not None
    assert newest.run_id == once


def test_the_instance_lets_one_run_write_at_a_time_and_sees_runs_that_died(instance: dg.DagsterInstance):
    pools = instance.get_concurrency_config().pool_config
    assert pools.default_pool_limit == 1
    assert pools.pool_granularity is not None
    assert pools.pool_granularity.value == "run"
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 1
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert instance.freshness_enabled


def test_the_tables_that_dagster_leaves_rows_in_have_the_columns_that_are_asked_for(
    services: Services, instance: dg.DagsterInstance
):
    (run_id,) = run(instance, "often")
    instance.delete_run(run_id)
    assert rows(services)["asset_check_executions"] == 1, "Dagster now deletes them itself: see sensors/history.py"
    with sa.create_engine(services.warehouse_url(), poolclass=sa.NullPool).connect() as connection:
        for table in (history._checks, history._events):
            found = {column["name"] for column in sa.inspect(connection).get_columns(table.name, schema="dagster")}
            assert set(table.columns.keys()) <= found, f"Dagster {dg.__version__} has changed: see sensors/history.py"
