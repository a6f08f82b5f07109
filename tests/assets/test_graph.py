"""The asset graph is what it was: a change of names, dependencies or checks must be meant."""

from typing import Any

import dagster as dg

from assets.pools import WRITER
from emberline.definitions import build_defs
from schemas.lake import TABLES
from schemas.warehouse import DATA_TABLES
from sensors.failures import CHECKS

PERSONS = {"events", "identity"}
LIFE = {"feed_day", "first_seen", "group", "group_day", "member_change", "person_day", *PERSONS}
LAKE = {
    "quarantine_ruling": set(),
    "identity_ruling": set(),
    "suppression": set(),
    "rebuild": set(),
    "raw": set(),
    "feed": set(),
    "gaps": set(),
    "events": {"raw", "quarantine_ruling", "suppression"},
    "quarantine": {"raw"},
    "ignored": {"raw"},
    "sequence_range": {"raw"},
    "control_total": {"raw", "suppression"},
    "payload_census": {"raw"},
    "quarantined_event": {"events", "quarantine_ruling", "suppression"},
    "touched": {"events"},
    "identity": {"events", "identity_ruling"},
    "identity_change": {"identity"},
    "person_day": PERSONS,
    "first_seen": {"identity", "person_day"},
    "retention": {"first_seen", "person_day", *PERSONS},
    "lifecycle": {"first_seen", "person_day", *PERSONS},
    "member_state": {"first_seen", "member_change", "person_day", *PERSONS},
    "funnel_entry": {"first_seen", "member_change", *PERSONS},
    "order_credit": {"first_seen", "member_change", *PERSONS},
    **dict.fromkeys(("order_refund", "order_item", "customer_order"), PERSONS),
    "person_value": {"events", "order_credit"},
    "revenue_cohort": {"customer_order", "events"},
    "person_path": {"customer_order", *PERSONS},
    "conversion_path": {"events", "group", "person_path"},
    "conversion_path_sales": {"customer_order", "group", "person_path"},
    "group": PERSONS,
    "group_day": {"member_change", *PERSONS},
    "group_hour": PERSONS,
    "staff_day": PERSONS,
    "group_network": PERSONS,
    "member_change": {"events"},
    "feed_day": {"events"},
    **{name: {"events", "group", "person_day"} for name in ("segment_activity", "segment_retention")},
    "contact": {"group_state", "order_credit", "person_day", *PERSONS},
    "staff_act": PERSONS,
    "intervention": {"feed_day", "group", "group_day", "member_change", "staff_act", *PERSONS},
    "group_health": LIFE,
    "group_state": LIFE,
    "risk_model": {"group_health", "person_day", *PERSONS},
    "group_risk": {"group_health", "person_day", "risk_model", *PERSONS},
    "intervention_case": {
        "feed_day",
        "group",
        "group_day",
        "group_hour",
        "group_risk",
        "group_state",
        "intervention",
        "member_change",
        *PERSONS,
    },
    "intervention_effect": {"intervention_case"},
    "intervention_sales": {"customer_order", "feed_day", "group_sales_day", "intervention_case"},
    "group_engagement": {"member_state"},
    "matched_event": {"events", "funnel_entry"},
    "funnel_step": {"funnel_entry"},
    "funnel_breakdown": {"funnel_entry", "group", "matched_event"},
    "funnel_curve": {"funnel_entry"},
    "funnel_time_to_convert": {"funnel_entry"},
    "funnel_trend": {"funnel_entry"},
    "group_sales": {"order_credit"},
    "group_sales_day": {"order_credit"},
    "message_sales": {"order_credit"},
    "segment_sales": {"group", "order_credit"},
    "spend_day": {"events"},
    "spend_return": {"group_sales_day", "spend_day"},
}
MART = {
    **{table.name: {table.name} for table in DATA_TABLES},
    "dim_group": {"group"},
    "dim_carrier": {"group"},
    "dim_purpose": {"group"},
    "dim_currency": {"order_credit", "spend_day"},
    "dim_date": {"feed_day", "intervention", "spend_day"},
    "exclusion": {"payload_census"},
    "excluded_account": {"staff_day"},
    "dim_item": {"matched_event", "order_item"},
    "dim_person": {"customer_order", "first_seen", "funnel_entry", "member_state", "person_value"},
    "funnel_entry": {"funnel_entry", "group"},
    "funnel_match": {"funnel_entry", "group"},
}


SPECS = build_defs().resolve_all_asset_specs()
GROUPS = {"ingest", "engagement", "groups", "risk", "funnel", "sales", "warehouse"}
JOBS = {
    "pipeline_job",
    "follow_job",
    "rebuild_job",
    "audit_job",
    "maintenance_job",
    *(f"{group}_job" for group in GROUPS),
}


def test_assets_and_their_dependencies():
    found = {
        spec.key.to_user_string(): {dependency.asset_key.to_user_string() for dependency in spec.deps} for spec in SPECS
    }
    assert found == {
        **LAKE,
        **{f"mart/{name}": sources for name, sources in MART.items()},
    }


def test_every_warehouse_table_has_one_blocking_check():
    graph = build_defs().resolve_asset_graph()
    keys = [key for key in graph.asset_check_keys if key.asset_key.path[0] == "mart"]
    assert sorted(key.asset_key.to_user_string() for key in keys) == sorted(f"mart/{t.name}" for t in DATA_TABLES)
    assert all(graph.get_check_spec(key).blocking for key in keys)


def test_every_check_of_the_graph_is_followed_by_the_alerts():
    graph = build_defs().resolve_asset_graph()
    assert set(graph.asset_check_keys) == set(CHECKS.values())


def test_every_asset_says_what_it_is_and_belongs_to_a_group():
    assert [spec.key for spec in SPECS if not spec.description] == []
    assert {spec.group_name for spec in SPECS} == GROUPS


def test_every_table_of_the_lake_is_an_asset_with_an_owner_and_what_it_is_stored_in():
    found = {spec.key.to_user_string(): spec for spec in SPECS}
    assert found.keys() >= TABLES.keys()
    assert [name for name, spec in found.items() if not spec.owners or not spec.kinds] == []


def test_every_asset_shows_the_meaning_of_every_column_and_what_it_is_computed_from():
    keys = {spec.key: {column.name for column in spec.metadata["dagster/column_schema"].columns} for spec in SPECS}
    for spec in SPECS:
        schema, lineage = spec.metadata["dagster/column_schema"], spec.metadata["dagster/column_lineage"]
        assert [column.name for column in schema.columns if not column.description] == [], spec.key
        sources = {source for sources in lineage.deps_by_column.values() for source in sources}
        assert {source.asset_key for source in sources} <= {dependency.asset_key for dependency in spec.deps}, spec.key
        assert [source for source in sources if source.column_name not in keys[source.asset_key]] == [], spec.key


BY_PEOPLE = {dg.AssetKey(table.name) for table in TABLES.values() if table.written_by_people}


def test_the_tables_that_people_write_are_shown_and_made_by_no_job():
    assert made_by("pipeline_job").isdisjoint(BY_PEOPLE)
    assert {spec.key for spec in SPECS} >= BY_PEOPLE


def test_a_job_of_a_group_makes_what_is_in_it_and_nothing_else():
    for group in GROUPS:
        assert made_by(f"{group}_job") == {spec.key for spec in SPECS if spec.group_name == group} - BY_PEOPLE, group


def made_by(job: str) -> set[dg.AssetKey]:
    selection: Any = build_defs().resolve_job_def(job).asset_layer
    return set(selection.selected_asset_keys)


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
