"""The sensor that tells of groups and feeds, on a real Kafka, lake, warehouse and instance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.resources import Clock
from pipelines.alerts.channels import AppriseChannel
from pipelines.alerts.ledger import AlertLedger, Entry
from pipelines.alerts.quiet import QuietHours
from pipelines.alerts.watch import Alerting
from pipelines.ingest.connection import KafkaConnection
from pipelines.refresh.written import write
from schemas.lake import GROUP_HEALTH, GROUP_RISK
from sensors.group_alerts import alerts_sensor
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.canonical import NOON, encoded, message
from tests.sensors.conftest import Place

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]
DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
LAST_WORD = 20


@pytest.fixture
def service():
    """Yield a service that takes alerts."""
    with Receiver().running() as found:
        yield found


@pytest.fixture
def tick(whole: Place, service: Receiver) -> Callable[..., str | None]:
    """A tick of the sensor so many days after the Monday, returns the cursor."""
    own = whole.services.alerting()

    def tick_at(
        days: float, cursor: str | None = None, kafka: KafkaConnection | None = None, quiet: QuietHours | None = None
    ) -> str | None:
        alerting: Alerting = replace(own, channels=(AppriseChannel("ops", service.url),), quiet=quiet)
        services = whole.services
        with dg.build_sensor_context(instance=whole.instance, cursor=cursor) as context:
            result: Any = alerts_sensor(
                context,
                kafka=kafka or services.kafka(),
                lake=services.lake(),
                warehouse=services.warehouse(),
                rules=services.rules(),
                alerting=alerting,
                clock=Clock(lambda: NOON + days * DAY),
            )
            return result.cursor

    return tick_at


def entries(whole: Place, *, only_open: bool = True) -> list[Entry]:
    return list(AlertLedger(whole.services.warehouse().url).entries(only_open=only_open))


def open_alerts(whole: Place) -> set[tuple[str, str]]:
    return {(entry.alert.rule, entry.alert.subject) for entry in entries(whole)}


def talk(whole: Place, group: str, days: range) -> None:
    """Three members exchange four messages every one of these days."""
    producer = whole.services.kafka().producer()
    for day in days:
        for number, member in enumerate(("ann", "ben", "eve", "ann")):
            time = (NOON + day * DAY + dt.timedelta(minutes=number)).isoformat()
            name = f"{group} {day} {number}"
            data = {"member_id": f"app:{member}", "message_id": name}
            producer.send(whole.topic, encoded(message(data, id=name, time=time, subject=f"app:{group}")))
    producer.close()


def test_a_group_that_died_while_its_feed_lived_is_told_of_once_and_its_revival_too(
    whole: Place, tick: Callable[..., str | None], service: Receiver
):
    talk(whole, "quiet", range(LAST_WORD))
    talk(whole, "lively", range(LAST_WORD + 31))
    whole.run()
    cursor = tick(LAST_WORD + 30.1)
    assert open_alerts(whole) == {("group_dead", "app:quiet")}
    assert [sent["title"] for sent in service.messages] == ["app:quiet is dead"]
    tick(LAST_WORD + 30.2, cursor)
    tick(LAST_WORD + 30.3)  # the cursor is lost
    assert len(service.messages) == 1
    talk(whole, "quiet", range(LAST_WORD + 31, LAST_WORD + 33))
    talk(whole, "lively", range(LAST_WORD + 31, LAST_WORD + 34))
    whole.run()
    tick(LAST_WORD + 33.1, cursor)
    assert [sent["title"] for sent in service.messages][1:] == ["app:quiet is no longer dead: revived"]
    [entry] = entries(whole, only_open=False)
    assert entry.outcome == "recovered"


def test_a_feed_that_tells_nothing_is_stale_and_none_of_its_groups_is_told_of(
    whole: Place, tick: Callable[..., str | None], service: Receiver
):
    talk(whole, "quiet", range(LAST_WORD))
    talk(whole, "lively", range(LAST_WORD + 29))
    whole.run()
    last = LAST_WORD + 28
    tick(last + 1.2)
    assert open_alerts(whole) == {("stale_feed", "bridge")}
    assert service.messages[0]["title"] == "Feed bridge is stale"
    assert "2 groups are not judged meanwhile" in service.messages[0]["message"]
    talk(whole, "lively", range(last + 1, last + 3))
    whole.run()
    tick(last + 2.1)
    assert open_alerts(whole) == {("group_dead", "app:quiet")}
    assert "Feed bridge is no longer stale" in service.text


def tell_risk(whole: Place, risk: float) -> None:
    """Give every group this risk on its newest day."""
    lake = whole.services.lake()
    facts = lake.open(GROUP_RISK)
    rows = (
        lake.open(GROUP_HEALTH).scan().group_by("group_id").agg(pl.col("day").max())
        .with_columns(
            risk_28=risk, risk_56=risk, drivers=pl.lit("no member active for 3 days (+9)"), model=pl.lit("m"),
            may_alert=pl.lit(value=True), score=pl.lit("box"), model_share=pl.lit(0.25),
            disagreement=pl.lit(None, pl.String),
        )
        .select(GROUP_RISK.schema.names()).collect()
    )  # fmt: skip
    write(lake, facts, rows, {})


def test_a_group_at_risk_is_told_of_with_what_drives_it_and_recovers(
    whole: Place, tick: Callable[..., str | None], service: Receiver
):
    talk(whole, "lively", range(3))
    whole.run()
    tell_risk(whole, 0.45)
    tick(2.5)
    assert open_alerts(whole) == {("group_at_risk", "app:lively")}
    assert service.messages[0]["title"] == "app:lively is at risk"
    told = "is 45 % (25 % by the shipped model, the rest by days of silence): no member active for 3 days (+9)."
    assert told in service.messages[0]["message"]
    tell_risk(whole, 0.35)
    tick(2.6)
    assert len(service.messages) == 1
    tell_risk(whole, 0.15)
    tick(2.7)
    assert service.messages[1]["title"] == "app:lively is no longer at risk: alive"


def test_while_kafka_does_not_answer_silence_means_nothing(whole: Place, tick: Callable[..., str | None]):
    talk(whole, "lively", range(3))
    whole.run()
    gone = KafkaConnection("127.0.0.1:1", {"bootstrap_timeout_ms": 500}, "auto")
    tick(9, kafka=gone)
    assert open_alerts(whole) == set()
    tick(9)
    assert open_alerts(whole) == {("stale_feed", "bridge")}


def test_in_quiet_hours_alerts_are_evaluated_and_delivered_after_them(
    whole: Place, tick: Callable[..., str | None], service: Receiver
):
    talk(whole, "lively", range(3))
    whole.run()
    quiet = QuietHours.of("11:00-14:00", whole.services.settings.zone_info)
    cursor = tick(4, quiet=quiet)
    assert open_alerts(whole) == {("stale_feed", "bridge")}
    assert service.messages == []
    tick(4.2, cursor, quiet=quiet)
    assert len(service.messages) == 1


def test_a_warehouse_and_a_lake_without_data_tell_of_nothing(
    whole: Place, tick: Callable[..., str | None], service: Receiver
):
    tick(0)
    assert (open_alerts(whole), service.messages) == (set(), [])
