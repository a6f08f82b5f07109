"""The sensors that tell what is wrong, on a real Kafka, lake, warehouse and instance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from kafka import KafkaAdminClient
from kafka.structs import TopicPartition

from assets.resources import Clock
from emberline.services import Services
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.messages import NEXT_STEP
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.pulling.commit import commits
from pipelines.ingest.pulling.cursors import Outcome
from pipelines.operations.staleness import PullLimits
from pipelines.publish.verdict import Verdict
from sensors.alerts import check_failure_sensor, run_failure_sensor, staleness_sensor
from sensors.failures import failed_checks
from tests.pipelines.ingest.conftest import transactional
from tests.sensors.conftest import INGEST, Place
from tests.sensors.test_follow import broken

__all__ = ["transactional"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]
MINUTE = dt.timedelta(minutes=1)


def alerts(services: Services) -> set[tuple[str, str]]:
    return {(entry.alert.rule, entry.alert.subject) for entry in AlertLedger(services.warehouse().url).entries()}


@pytest.fixture
def tick(whole: Place) -> Callable[..., str | None]:
    """A tick of the staleness sensor so many minutes from now, returns the cursor."""

    def tick_at(
        minutes: float = 0,
        cursor: str | None = None,
        kafka: KafkaConnection | None = None,
        receiver: str | None = None,
        pulls: PullLimits | None = None,
    ) -> str | None:
        at = dt.datetime.now(dt.UTC) + minutes * MINUTE
        services = whole.services
        with dg.build_sensor_context(instance=whole.instance, cursor=cursor) as context:
            result: Any = staleness_sensor(
                context,
                kafka=kafka or services.kafka(),
                lake=services.lake(),
                warehouse=services.warehouse(),
                rules=replace(services.rules(), receiver=receiver, pulls=pulls),
                alerting=services.alerting(),
                clock=Clock(lambda: at),
            )
            return result.cursor

    return tick_at


def test_records_that_stay_unread_are_an_alert_until_they_are_read(whole: Place, tick: Callable[..., str | None]):
    whole.say(0)
    cursor = tick()
    assert alerts(whole.services) == set()
    cursor = tick(11, cursor)
    assert alerts(whole.services) == {("data_stale", "pipeline"), ("feed_stalled", f"{whole.topic}, partition 0")}
    whole.run()
    tick(12, cursor)
    assert alerts(whole.services) == set()


def test_a_receiver_that_takes_nothing_is_an_alert_until_it_does_or_has_no_route(
    whole: Place, tick: Callable[..., str | None]
):
    gone = "http://127.0.0.1:9"
    cursor = tick(receiver=gone)
    cursor = tick(1.9, cursor, receiver=gone)
    assert alerts(whole.services) == set()
    cursor = tick(2, cursor, receiver=gone)
    assert alerts(whole.services) == {("receiver_down", "receiver")}
    tick(3, cursor)
    assert alerts(whole.services) == set()


def test_a_pull_that_never_succeeds_is_an_alert_until_a_round_does(whole: Place, tick: Callable[..., str | None]):
    pulls = PullLimits(f"{whole.topic}.cursors", {"phone": 60 * MINUTE})
    cursor = tick(pulls=pulls)
    cursor = tick(59, cursor, pulls=pulls)
    assert alerts(whole.services) == set()
    cursor = tick(60, cursor, pulls=pulls)
    assert alerts(whole.services) == {("pull_stale", "phone")}
    kafka = whole.services.kafka()
    with commits(kafka, "phone", whole.topic, whole.topic, pulls.topic) as committed:
        committed.commit([], {}, Outcome(succeeded_at=dt.datetime.now(dt.UTC) + 61 * MINUTE))
    tick(62, cursor, pulls=pulls)
    assert alerts(whole.services) == set()


def test_facts_that_stay_unpublished_are_an_alert(whole: Place, tick: Callable[..., str | None]):
    whole.say(0)
    whole.run()
    whole.say(1)
    whole.run(*INGEST, "group_day")
    tick(11, tick())
    assert alerts(whole.services) == {("warehouse_behind", "mart")}


def test_a_kafka_that_does_not_answer_is_an_alert_and_no_good_news(whole: Place, tick: Callable[..., str | None]):
    whole.say(0)
    cursor = tick(11, tick())
    stale = alerts(whole.services)
    gone = KafkaConnection("127.0.0.1:1", {"bootstrap_timeout_ms": 500}, "auto")
    tick(12, cursor, gone)
    assert alerts(whole.services) == stale | {("source_unreadable", "Kafka")}


def test_a_failed_run_and_the_check_that_broke_it_are_alerts_until_the_next_good_one(
    whole: Place, monkeypatch: pytest.MonkeyPatch
):
    def look() -> set[tuple[str, str]]:
        with dg.build_sensor_context(instance=whole.instance) as context:
            for sensor in (run_failure_sensor, check_failure_sensor):
                sensor(
                    context,
                    warehouse=whole.services.warehouse(),
                    alerting=whole.services.alerting(),
                    clock=Clock(),
                )
        return alerts(whole.services)

    whole.say(0)
    with monkeypatch.context() as patch:
        patch.setattr("assets.warehouse.audit", broken)
        whole.run(succeeds=False)
    found = look()
    assert ("run_failed", "pipeline_job") in found
    assert ("check_failed", "group_day") in found
    whole.run()
    assert look() == set()


def test_a_warning_of_a_table_stays_over_runs_that_do_not_check_it(whole: Place, monkeypatch: pytest.MonkeyPatch):
    def warning(*_: object, **__: object) -> list[Verdict]:
        return [Verdict("message_sales", "as planned", success=False, severity="warn")]

    whole.say(0)
    with monkeypatch.context() as patch:
        patch.setattr("assets.warehouse.audit", warning)
        whole.run()
    whole.say(1.1)
    done = whole.run()
    assert "message_sales" not in {found.asset_key.path[-1] for found in done.get_asset_check_evaluations()}
    failed = failed_checks(whole.instance)
    assert failed is not None
    assert [(one.subject, one.is_critical) for one in failed] == [("message_sales", False)]


def test_a_transaction_that_hangs_open_is_an_alert_until_it_ends(
    whole: Place, tick: Callable[..., str | None], transactional: Callable[[str], Any]
):
    producer = transactional(f"hang-{whole.topic}")
    producer.send(whole.topic, b"not yet committed").get(timeout=120)
    cursor = tick(14)
    assert alerts(whole.services) == set()
    cursor = tick(16, cursor)
    assert alerts(whole.services) == {("feed_held_back", f"{whole.topic}, partition 0")}
    producer.abort_transaction()
    tick(17, cursor)
    assert ("feed_held_back", f"{whole.topic}, partition 0") not in alerts(whole.services)


def test_records_that_kafka_removed_unread_are_an_alert_that_names_the_way_on(
    whole: Place, kafka_admin: KafkaAdminClient
):
    whole.say(0)
    whole.run(*INGEST)
    whole.say(1, 2)
    kafka_admin.delete_records({TopicPartition(whole.topic, 0): 2})
    whole.run(*INGEST, succeeds=False)
    assert "--accept-gaps" in failure_told(whole)


def test_a_batch_with_too_many_bad_records_is_an_alert_that_quotes_them(whole: Place):
    producer = whole.services.kafka().producer()
    for _ in range(whole.services.rules().tolerance.rows):
        producer.send(whole.topic, b"{")
    producer.close()
    whole.run(*INGEST, succeeds=False)
    assert "bad_json" in failure_told(whole)


def failure_told(whole: Place) -> str:
    """What the one alert about failed runs says, and what to do."""
    with dg.build_sensor_context(instance=whole.instance) as context:
        run_failure_sensor(
            context,
            warehouse=whole.services.warehouse(),
            alerting=whole.services.alerting(),
            clock=Clock(),
        )
    [entry] = AlertLedger(whole.services.warehouse().url).entries()
    assert entry.alert.rule == "run_failed"
    return f"{entry.alert.known.reason} {entry.alert.known.details[NEXT_STEP]}"
