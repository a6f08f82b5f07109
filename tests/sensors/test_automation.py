"""What is materialized outside `pipeline_job` is followed: exactly what depends on it, once, in one run."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest

from schemas.expectations import SUITES
from schemas.lake import GROUP_DAY, PERSON_DAY
from schemas.warehouse import DATA_TABLES
from tests.sensors.conftest import Place

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]

TABLES = {table.name for table in DATA_TABLES}
WAREHOUSE = {f"{schema}/{name}" for schema in ("staging", "mart") for name in TABLES}
SALES = {"group_sales", "message_sales", "segment_sales"}
BELOW_CREDIT = {"person_value", *SALES, *WAREHOUSE}
BELOW_EVENTS = {
    *("funnel_step", "funnel_breakdown", "funnel_time_to_convert", "funnel_curve", "funnel_trend", "group_engagement"),
    *SALES,
    *("identity", "person_day", "first_seen", "retention", "lifecycle", "member_state", "funnel_entry"),
    *("order_credit", "person_value", "feed_day", "group", "group_day", "group_health", "group_state"),
    *("risk_model", "group_risk"),
    *WAREHOUSE,
}


class Ticks:
    """The ticks of the sensor, one after the other."""

    def __init__(self, place: Place) -> None:
        self._place, self._cursor = place, None
        assert self.requested() == set()  # the first tick only looks

    def requested(self) -> set[str]:
        """What the next tick requests."""
        result = dg.evaluate_automation_conditions(self._place.defs, self._place.instance, cursor=self._cursor)
        self._cursor = result.cursor
        # Not `result.results`: those leave out what has to be materialized together with what is requested.
        keys = [spec.key for spec in self._place.defs.resolve_all_asset_specs()]
        return {key.to_user_string() for key in keys if result.get_num_requested(key)}


def test_nothing_follows_a_run_of_the_whole_pipeline(whole: Place):
    ticks = Ticks(whole)
    whole.say(0, 1, 2)
    whole.run()
    assert ticks.requested() == set()
    whole.run()  # nothing is new, so `stage` skips
    assert ticks.requested() == set()


def test_a_late_event_ingested_by_hand_is_followed_by_one_run_that_recomputes_its_day_alone(whole: Place):
    whole.say(*range(50))
    whole.run()
    ticks = Ticks(whole)
    whole.say(9.5)  # 40 days before the newest
    whole.run("raw", "events", "quarantine")
    requested = ticks.requested()
    assert requested == BELOW_EVENTS
    followed = whole.run(*requested)
    for table in (PERSON_DAY, GROUP_DAY):
        done = followed.asset_materializations_for_node(table.name)[0]
        assert done.metadata["days"].value == 1
    assert messages_published(whole) == 51
    assert [ticks.requested() for _ in range(2)] == [set(), set()]


def test_a_fact_rebuilt_by_hand_is_followed_by_what_depends_on_it_alone(whole: Place):
    whole.say(0, 1)
    whole.run()
    ticks = Ticks(whole)
    whole.run("order_credit")
    assert ticks.requested() == BELOW_CREDIT
    assert ticks.requested() == set()


def test_a_fact_that_has_not_changed_is_followed_once_though_nothing_is_staged(whole: Place):
    whole.say(0, 1)
    whole.run()
    ticks = Ticks(whole)
    whole.run("order_credit")
    skipped = whole.run(*ticks.requested())
    assert not skipped.asset_materializations_for_node("publish")
    assert [ticks.requested() for _ in range(3)] == [set()] * 3


def test_nothing_is_requested_while_a_run_is_in_flight(whole: Place):
    whole.say(0, 1)
    whole.run()
    ticks = Ticks(whole)
    whole.run("order_credit")
    in_flight = whole.instance.create_run_for_job(
        whole.defs.resolve_job_def("pipeline_job"), status=dg.DagsterRunStatus.STARTED
    )
    assert ticks.requested() == set()
    whole.instance.report_run_canceled(in_flight)
    assert ticks.requested() == BELOW_CREDIT


def test_a_tick_that_sees_both_a_whole_run_and_what_came_after_it_follows(whole: Place):
    whole.say(0, 1)
    whole.run()
    ticks = Ticks(whole)
    whole.run()
    whole.run("order_credit")
    assert ticks.requested() == BELOW_CREDIT


def test_staging_that_broke_a_check_is_not_published_by_a_run_without_the_checks(
    whole: Place, monkeypatch: pytest.MonkeyPatch
):
    whole.say(0, 1)
    whole.run()
    ticks = Ticks(whole)
    monkeypatch.setattr("assets.warehouse.audit", broken)
    whole.say(2)
    whole.run(succeeds=False)
    assert ticks.requested() == set()
    assert messages_published(whole) == 2


def broken(*arguments: object, **keywords: object) -> list[object]:
    """Every suite is broken by one row."""
    from pipelines.publish.verdict import Verdict

    return [Verdict(name, "as planned", success=False, severity="error") for name in SUITES]


def messages_published(whole: Place) -> int:
    tables = {table.name: table for table in DATA_TABLES}
    return whole.services.warehouse().read(tables["group_day"]).select(pl.col("messages").sum()).item() or 0
