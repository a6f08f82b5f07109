"""The asset graph is what it was: a change of names, dependencies or checks must be meant."""

from typing import Any

import dagster as dg

from assets.pools import WRITER
from emberline.definitions import build_defs
from schemas.warehouse import DATA_TABLES
from sensors.failures import CHECKS

LAKE = {
    "raw": set(),
    "events": {"raw"},
    "quarantine": {"raw"},
    "identity": {"events"},
    "person_day": {"events", "identity"},
    "first_seen": {"person_day"},
    "retention": {"events", "first_seen", "person_day"},
    "lifecycle": {"events", "first_seen", "person_day"},
    "member_state": {"events", "first_seen", "person_day"},
    "funnel_entry": {"events", "first_seen", "identity"},
    "order_credit": {"events", "first_seen", "identity"},
    "order_refund": {"events"},
    "person_value": {"events", "order_credit"},
    "group": {"events", "identity"},
    "group_day": {"events", "identity"},
    "feed_day": {"events"},
    "group_health": {"events", "feed_day", "first_seen", "group", "group_day", "person_day"},
    "group_state": {"events", "feed_day", "first_seen", "group", "group_day", "person_day"},
    "risk_model": {"events", "group_health", "person_day"},
    "group_risk": {"events", "group_health", "person_day"},
    "group_engagement": {"member_state"},
    "funnel_step": {"funnel_entry"},
    "funnel_breakdown": {"events", "funnel_entry", "group"},
    "funnel_curve": {"funnel_entry"},
    "funnel_time_to_convert": {"funnel_entry"},
    "funnel_trend": {"funnel_entry"},
    "group_sales": {"order_credit"},
    "message_sales": {"order_credit"},
    "segment_sales": {"group", "order_credit"},
}
STAGING = {
    **{table.name: {table.name} for table in DATA_TABLES},
    "dim_group": {"group"},
    "dim_currency": {"order_credit"},
    "funnel_entry": {"funnel_entry", "group"},
    "funnel_match": {"funnel_entry", "group"},
}


SPECS = build_defs().resolve_all_asset_specs()
JOBS = {"pipeline_job", "follow_job", "rebuild_job", "maintenance_job"}


def test_assets_and_their_dependencies():
    found = {
        spec.key.to_user_string(): {dependency.asset_key.to_user_string() for dependency in spec.deps} for spec in SPECS
    }
    staged = {f"staging/{name}" for name in STAGING}
    assert found == {
        **LAKE,
        **{f"staging/{name}": sources for name, sources in STAGING.items()},
        **{f"mart/{name}": staged for name in STAGING},
    }


def test_every_staging_table_has_one_blocking_check():
    specs = [spec for checks in build_defs().asset_checks or [] for spec in checks.check_specs]
    assert sorted(spec.asset_key.to_user_string() for spec in specs) == sorted(f"staging/{t.name}" for t in DATA_TABLES)
    assert all(spec.blocking for spec in specs)


def test_every_check_of_the_graph_is_followed_by_the_alerts():
    graph = build_defs().resolve_asset_graph()
    assert set(graph.asset_check_keys) == set(CHECKS.values())


def test_every_asset_says_what_it_is_and_belongs_to_a_group():
    assert [spec.key for spec in SPECS if not spec.description] == []
    assert {spec.group_name for spec in SPECS} == {"ingest", "engagement", "funnel", "groups", "warehouse"}


def test_the_jobs():
    named = {job.name for job in build_defs().resolve_all_job_defs() if not job.name.startswith("__")}
    assert named == JOBS


def test_all_that_writes_is_in_the_pool_of_writers():
    assert pools("pipeline_job") == {WRITER}
    assert pools("follow_job") == {WRITER}
    assert WRITER in pools("maintenance_job")


def pools(job: str) -> set[str | None]:
    nodes: Any = build_defs().resolve_job_def(job).nodes
    return {node.definition.pool for node in nodes}


def test_what_runs_by_itself_runs_without_anybody_switching_it_on():
    defs = build_defs()
    sensors = {sensor.name: sensor.default_status for sensor in defs.sensors or []}
    assert set(sensors) == {
        *("kafka_backlog_sensor", "follow_sensor"),
        *("staleness_sensor", "run_failure_sensor", "check_failure_sensor", "alerts_sensor"),
    }
    assert set(sensors.values()) == {dg.DefaultSensorStatus.RUNNING}
    assert {schedule.default_status for schedule in defs.schedules or []} == {dg.DefaultScheduleStatus.RUNNING}
