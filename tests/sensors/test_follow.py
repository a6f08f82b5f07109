"""What is behind its inputs is requested with what depends on it, in one run, whoever changed what and when."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.resources import Clock
from pipelines.groups.group_day import group_day
from pipelines.ingest.rebuild import rebuild_events
from schemas.expectations import SUITES
from schemas.lake import FACTS, GROUP_DAY, ORDER_CREDIT, PERSON_DAY
from schemas.warehouse import DATA_TABLES, restatement
from sensors.failures import cause_of
from sensors.follow import follow_sensor
from tests.sensors.conftest import INGEST, QUIET, Place

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]

TABLES = {table.name for table in DATA_TABLES}
WAREHOUSE = {f"mart/{name}" for name in TABLES}
SALES = {"group_sales", "group_sales_day", "message_sales", "segment_sales"}
BELOW_CREDIT = {"person_value", "spend_return", "contact", "intervention_sales", *SALES, *WAREHOUSE}
BELOW_EVENTS = {*(table.name for table in FACTS), "identity_change", *WAREHOUSE}
NOT_YET, LATER = dt.timedelta(seconds=1), dt.timedelta(minutes=1)


class Ticks:
    """The ticks of the sensor, one after the other."""

    def __init__(self, place: Place) -> None:
        self._place, self._cursor = place, None

    def requested(self, after: dt.timedelta = LATER) -> set[str]:
        """What a tick requests that comes so long after now."""
        place, now = self._place, dt.datetime.now(dt.UTC) + after
        services = place.services
        context = dg.build_sensor_context(place.instance, cursor=self._cursor, definitions=place.defs)
        with context:
            result = follow_sensor(
                context,
                lake=services.lake(),
                warehouse=services.warehouse(),
                rules=services.rules(),
                clock=Clock(lambda: now),
            )
        assert isinstance(result, dg.SensorResult)
        self._cursor = result.cursor or self._cursor
        return {key.to_user_string() for request in result.run_requests or [] for key in request.asset_selection or []}

    def follow(self, requested: set[str], *, succeeds: bool = True) -> dg.ExecuteInProcessResult:
        """The run that a tick requested."""
        done = self._place.defs.resolve_job_def("follow_job").execute_in_process(
            instance=self._place.instance,
            asset_selection=[dg.AssetKey.from_user_string(name) for name in requested],
            run_config=QUIET,
            raise_on_error=succeeds,
        )
        assert done.success is succeeds
        return done


def test_nothing_is_requested_of_an_empty_lake(whole: Place):
    assert Ticks(whole).requested() == set()


def test_nothing_is_requested_after_a_run_of_the_whole_pipeline(begun: Place):
    ticks = Ticks(begun)
    assert [ticks.requested() for _ in range(2)] == [set()] * 2
    begun.run()  # nothing is new, so `publish` does nothing
    begun.run("order_credit")  # by hand, and it changes nothing
    assert ticks.requested() == set()


def test_what_is_materialized_by_hand_before_and_after_the_run_of_a_request_is_followed(whole: Place):
    whole.say(*range(50))
    whole.run()
    ticks = Ticks(whole)
    whole.say(9.5)  # 40 days before the newest
    whole.run(*INGEST)
    requested = ticks.requested()
    assert requested == BELOW_EVENTS
    followed = ticks.follow(requested)
    for table in (PERSON_DAY, GROUP_DAY):
        assert followed.asset_materializations_for_node(table.name)[0].metadata["days"].value == 1
    assert messages_published(whole) == 51
    # Another one, before the sensor has seen that its run is done.
    whole.say(10.5)
    whole.run(*INGEST)
    requested = ticks.requested()
    assert requested == BELOW_EVENTS
    # And one between the request and its run.
    whole.say(11.5)
    whole.run(*INGEST)
    ticks.follow(requested)
    assert messages_published(whole) == 53
    assert [ticks.requested() for _ in range(2)] == [set()] * 2


def test_a_fact_that_is_gone_is_requested_with_what_depends_on_it_and_nothing_while_a_run_is_in_flight(begun: Place):
    ticks = Ticks(begun)
    assert ticks.requested() == set()
    shutil.rmtree(Path(begun.services.lake().table_uri(ORDER_CREDIT)))
    in_flight = begun.instance.create_run_for_job(
        begun.defs.resolve_job_def("pipeline_job"), status=dg.DagsterRunStatus.STARTED
    )
    assert ticks.requested() == set()
    begun.instance.report_run_canceled(in_flight)
    requested = ticks.requested()
    assert requested == {"order_credit", *BELOW_CREDIT}
    ticks.follow(requested)
    assert ticks.requested() == set()


def test_what_a_check_blocked_is_tried_again_after_a_while_and_never_published_without_its_checks(
    begun: Place, monkeypatch: pytest.MonkeyPatch
):
    ticks = Ticks(begun)
    begun.say(5)
    with monkeypatch.context() as patched:
        patched.setattr("assets.warehouse.audit", broken)
        begun.run(succeeds=False)
        assert ticks.requested(NOT_YET) == set()
        requested = ticks.requested(LATER)
        assert requested == WAREHOUSE
        ticks.follow(requested, succeeds=False)
        assert messages_published(begun) == 5
    ticks.follow(ticks.requested(LATER))
    assert messages_published(begun) == 6


def test_a_fact_that_mended_code_is_asked_to_rebuild_is_followed_and_restated(
    begun: Place, monkeypatch: pytest.MonkeyPatch
):
    ticks = Ticks(begun)
    monkeypatch.setattr(
        "assets.groups.compute_group_day", lambda events: group_day(events).with_columns(pl.col("messages") * 2)
    )
    begun.run("group_day")
    assert ticks.requested() == set()
    asked = {"ops": {"request": {"config": {"fact": "group_day"}}}, **QUIET}
    begun.defs.resolve_job_def("rebuild_job").execute_in_process(instance=begun.instance, run_config=asked)
    requested = ticks.requested()
    assert {"group_day", "group_state", "mart/group_day"} <= requested < BELOW_EVENTS
    ticks.follow(requested)
    assert messages_published(begun) == 10
    restated = begun.services.warehouse().read(restatement)
    told = restated.filter(table_name="group_day", figure="messages")
    assert set(told.select("before", "after", "rules_changed", "code_changed").rows()) == {(1, 2, False, True)}
    assert ticks.requested() == set()


def test_a_request_from_the_page_whose_day_is_none_says_so(whole: Place):
    asked = {"ops": {"request": {"config": {"fact": "group_day", "since": "yesterday"}}}, **QUIET}
    job = whole.defs.resolve_job_def("rebuild_job")
    done = job.execute_in_process(instance=whole.instance, run_config=asked, raise_on_error=False)
    (failure,) = done.get_step_failure_events()
    assert cause_of(failure.step_failure_data.error).text.startswith("since is not a day: 'yesterday'.")


def test_events_that_a_mended_adapter_decodes_again_are_followed_and_restated(begun: Place):
    rules = begun.services.rules()
    carrier, *_ = rules.topics.values()

    def decode_column(_: object, values: pl.Series, headers: pl.Series | None = None) -> object:
        return carrier.decode_column(values.cast(pl.String).str.replace('"on 1"', '"on 0"').cast(pl.Binary))

    mended = type("Mended", (type(carrier),), {"decode_column": decode_column})()
    rebuild_events(
        begun.services.lake(), dict.fromkeys(rules.topics, mended), rules.decoding, 100,
        actor="ann", reason="mended", now=dt.datetime.now(dt.UTC),
    )  # fmt: skip
    ticks = Ticks(begun)
    ticks.follow(ticks.requested())
    restated = begun.services.warehouse().read(restatement)
    told = restated.filter(table_name="group_day", figure="messages")
    assert set(told.select("before", "after").rows()) == {(1, 0)}
    causes = restated.select("late_events", "merges", "rules_changed", "code_changed").unique().rows()
    assert causes == [(0, 0, False, True)]  # no event came since, though all are of new batches


def test_a_table_of_mart_by_hand_publishes_all_that_is_newer_and_shows_itself_alone(begun: Place) -> None:
    begun.say(5)
    begun.run(*INGEST, *(BELOW_EVENTS - WAREHOUSE))
    done = begun.run("mart/group_hour")
    assert messages_published(begun) == 6
    made = [event.step_materialization_data.materialization for event in done.get_asset_materialization_events()]
    assert [one.asset_key.to_user_string() for one in made] == ["mart/group_hour"]
    assert {found.asset_key.path[-1] for found in done.get_asset_check_evaluations()} == {"group_hour"}
    assert Ticks(begun).requested() == set()


def test_mart_by_hand_does_not_publish_what_a_check_blocks(begun: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    begun.say(5)
    with monkeypatch.context() as patched:
        patched.setattr("assets.warehouse.audit", broken)
        begun.run(succeeds=False)
        begun.run(*WAREHOUSE, succeeds=False)
        assert messages_published(begun) == 5
    begun.run(*WAREHOUSE)
    assert messages_published(begun) == 6


def broken(*arguments: object, **keywords: object) -> list[object]:
    """Every suite is broken by one row."""
    from pipelines.publish.verdict import Verdict

    return [Verdict(name, "as planned", success=False, severity="error") for name in SUITES]


def messages_published(whole: Place) -> int:
    tables = {table.name: table for table in DATA_TABLES}
    return whole.services.warehouse().read(tables["group_day"]).select(pl.col("messages").sum()).item() or 0
