"""A rule on a metric runs in the sensor, on a real Kafka, lake and warehouse, whose daemon is killed in between."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.resources import Clock
from pipelines.alerts.channels import AppriseChannel
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.outbox import Outbox
from sensors import group_alerts
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.alerts.test_metrics import FELL, MONDAY, WEEK, Company
from tests.sensors.conftest import services_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]


@dataclass(frozen=True)
class Daemon:
    """Ticks of the sensor, each from what is stored alone, as after a restart."""

    kafka: str
    database: str
    folder: Path
    topic: str
    channel: str

    def tick(self, now: dt.datetime, cursor: str | None = None) -> str | None:
        services = services_of(self.kafka, self.database, self.folder, self.topic)
        channels = (AppriseChannel("ops", self.channel),)
        with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance, cursor) as context:
            result: Any = group_alerts.alerts_sensor(
                context,
                kafka=services.kafka(),
                lake=services.lake(),
                warehouse=services.warehouse(),
                rules=services.rules(),
                alerting=replace(services.alerting(), channels=channels, metric_rules=(FELL,), reader=None),
                clock=Clock(lambda: now),
            )
        return result.cursor

    def killed_before_it_delivers(self, now: dt.datetime) -> None:
        """A tick in a process of its own, killed when alerts and notices are stored and none is delivered."""
        spawned = multiprocessing.get_context("spawn")
        stored = spawned.Event()
        process = spawned.Process(target=_tick_up_to_delivery, args=(self, now, stored))
        process.start()
        assert stored.wait(240)
        process.kill()
        process.join()


def _tick_up_to_delivery(daemon: Daemon, now: dt.datetime, stored: Any) -> None:
    def deliver(*_: object) -> None:
        stored.set()
        time.sleep(600)

    group_alerts.deliver = deliver  # type: ignore[assignment]
    daemon.tick(now)


def test_what_a_killed_daemon_raised_is_told_once_and_so_is_its_end(
    kafka: str, database: str, topic: Callable[..., str], tmp_path: Path
):
    services_of(kafka, database, tmp_path).warehouse().prepare()
    company = Company(database)
    for messages in (200, 200, 200, 200, 60):
        company.week(messages)

    def noon(minutes: int = 0) -> dt.datetime:
        day = MONDAY + company.weeks * WEEK
        return dt.datetime.combine(day, dt.time(12, minutes), dt.UTC)

    with Receiver().running() as service:
        daemon = Daemon(kafka, database, tmp_path, topic(), service.url)
        for told in ("Purpose sales is down in messages_sent", "Purpose sales is no longer down in messages_sent"):
            daemon.killed_before_it_delivers(noon())
            before = len(service.messages)
            cursor = daemon.tick(noon(1))
            assert [sent["title"] for sent in service.messages[before:]] == [told]
            daemon.tick(noon(2), cursor)
            daemon.tick(noon(20))
            assert len(service.messages) == before + 1
            company.week(200)
    assert Outbox(database).waiting() == ()
    [entry] = AlertLedger(database).entries(only_open=False)
    assert (entry.alert.rule, entry.alert.subject) == ("metric_quiet", "sales")
    assert entry.alert.resolved_at is not None
