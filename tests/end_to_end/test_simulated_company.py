"""What the simulator planted is what the pipeline finds, exactly, with duplicates, late and broken events mixed in."""

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa

from assets.resources import Progress
from emberline.instance import dagster_instance
from emberline.runner import run_pipeline
from pipelines.lake import Lake
from schemas import warehouse as mart
from schemas.attribution import MODELS
from schemas.lake import EVENTS, QUARANTINE, RAW


def rows(lake: Lake, table) -> int:
    return lake.open(table).scan().select(pl.len()).collect().item()


def test_the_planted_company_is_recovered_exactly(pipeline, world):
    pipeline.send(world.records)
    outcome = pipeline.run()
    truth, warehouse, lake = world.truth, pipeline.services.warehouse(), pipeline.services.lake()

    assert outcome.failure is None
    assert outcome.is_success
    counts = outcome.counts
    assert counts.raw == truth.counts["records"] == rows(lake, RAW)
    assert counts.events == truth.counts["events"] == rows(lake, EVENTS)
    assert counts.quarantined == truth.counts["broken"] == rows(lake, QUARANTINE)
    assert counts.duplicates == truth.counts["duplicates"] + truth.counts["conflicts"]
    assert counts.conflicts == truth.counts["conflicts"]

    funnel = warehouse.read(sa.select(mart.funnel_step).order_by(mart.funnel_step.c.step_number))
    assert dict(zip(funnel["step"], funnel["reached"], strict=True)) == truth.funnel_mature
    all_reached = funnel["reached"] + funnel["reached_immature"]
    assert dict(zip(funnel["step"], all_reached, strict=True)) == truth.funnel

    drill_down = warehouse.read(mart.funnel_entry)
    for number, step in enumerate(funnel["step"], start=1):
        assert drill_down.filter(pl.col("steps_reached") >= number).height == truth.funnel[step]

    published = warehouse.read(mart.publication)
    assert published["complete_through"].to_list() == [truth.complete_through]
    assert published["is_synthetic"].to_list() == [True]

    states = warehouse.read(mart.group_state)
    dead = states.filter(pl.col("state") == "dead", pl.col("is_current")).select("group_id", dead_since="since")
    planted = truth.groups.filter(pl.col("dead_since").is_not_null()).select("group_id", "dead_since")
    assert dead.sort("group_id").equals(planted.sort("group_id"))
    born = warehouse.read(mart.dim_group).select("group_id", "born_at")
    born = born.join(truth.groups.select("group_id"), on="group_id", how="semi").sort("group_id")
    assert born["born_at"].to_list() == truth.groups.sort("group_id")["born_at"].to_list()

    money = ["orders", "paid_minor", "refunded_minor", "net_minor"]
    all_sales = warehouse.read(mart.group_sales)
    sales = all_sales.filter(model="last_click").select("group_id", "currency", *money).sort("group_id", "currency")
    told = truth.sales.with_columns(pl.col("group_id").fill_null("unattributed")).select(sales.columns)
    assert sales.rows() == told.sort("group_id", "currency").rows()
    owed = sales.group_by("currency").agg(pl.col(money[1:]).sum()).sort("currency")
    for model in MODELS:
        credited = all_sales.filter(model=model).group_by("currency").agg(pl.col(money[1:]).sum()).sort("currency")
        assert credited.rows() == owed.rows(), model
    assert all_sales.filter(model="last_exposure")["group_id"].n_unique() > 1

    spend = warehouse.read(mart.spend_day).group_by("group_id", "campaign", "currency").agg(pl.col("spend_minor").sum())
    planned = truth.spend.with_columns(
        pl.col("group_id").fill_null("unattributed"), pl.col("campaign").fill_null("unknown")
    )
    assert {*spend.rows()} == {*planned.rows()}
    returned = warehouse.read(mart.spend_return).filter(model="last_click")
    assert returned["spend_minor"].sum() == truth.spend["spend_minor"].sum()
    in_groups = truth.sales.filter(pl.col("group_id").is_not_null(), currency="CNY")
    assert returned["net_minor"].sum() == in_groups["net_minor"].sum()


def test_a_second_run_changes_nothing_and_the_next_day_changes_its_days_only(pipeline, world):
    records = world.records
    pipeline.send(records.head(records.height - 500))
    first = pipeline.run()
    again = pipeline.run()
    assert first.is_changed
    assert not again.is_changed
    assert again.is_success
    assert again.version is None
    with dagster_instance(pipeline.services) as instance:
        (newest,) = instance.get_run_records(limit=1)
        events = instance.all_logs(newest.dagster_run.run_id)
    reported = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    assert not [entry for entry in events if entry.step_key == "publish" and entry.dagster_event_type in reported]

    pipeline.send(records.tail(500))
    last = pipeline.run()
    assert last.counts.raw == 500
    assert 0 < last.partitions_changed < first.partitions_changed
    assert last.version == first.version + 1


# The facts: tests/pipelines/test_incremental.py. The warehouse, beside what a full audit makes of them: test_audit.py.
@pytest.mark.soak
def test_events_in_two_halves_give_the_same_warehouse_as_in_one(pipeline, world, kafka, database, topic, tmp_path):
    records = world.records
    pipeline.send(records.head(records.height // 2))
    pipeline.run()
    pipeline.send(records.tail(records.height - records.height // 2))
    assert pipeline.run().is_success
    in_halves = tables(pipeline)

    fresh = fresh_pipeline(pipeline, tmp_path)
    assert run_pipeline(fresh.services, Progress(), accept_loss=True).is_success
    assert tables(fresh) == in_halves


def fresh_pipeline(pipeline, tmp_path):
    """The same topics and warehouse, another lake: everything is computed again from the beginning."""
    from tests.end_to_end.conftest import Pipeline

    services = pipeline.services
    moved = services.settings.model_copy(
        update={"lake": services.settings.lake.model_copy(update={"uri": str(tmp_path / "fresh")})}
    )
    return Pipeline(type(services)(moved), pipeline.names)


def tables(pipeline) -> dict[str, list[tuple[object, ...]]]:
    warehouse = pipeline.services.warehouse()
    # A risk stays as it was told, on a day of each publication.
    computed = [table for table in mart.DATA_TABLES if table is not mart.group_risk]
    return {table.name: sorted(warehouse.read(table).rows(), key=repr) for table in computed}
