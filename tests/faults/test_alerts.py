"""A channel is down, many groups are dying at once, and the daemon is killed in the middle of a delivery."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import re
import time
from collections.abc import Callable
from dataclasses import replace

from pipelines.alerts.channels import AppriseChannel, KafkaChannel
from pipelines.alerts.decide import Evaluation, Policy, Verdict
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.outbox import Outbox
from pipelines.alerts.rules import RULES, Limits
from pipelines.alerts.watch import Alerting, deliver
from pipelines.ingest.connection import KafkaConnection
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.alerts.samples import HOUR, NOON, known
from tests.pipelines.alerts.test_channels import committed

POLICY = Policy({"group_dying": "critical"})
GROUPS = tuple(f"wecom:{number:03}" for number in range(500))
TICK = dt.timedelta(seconds=30)


def alerting_to(url: str, kafka: str, topic: str) -> Alerting:
    channels = (AppriseChannel("ops", url), KafkaChannel(KafkaConnection(kafka), topic))
    return Alerting(POLICY, Limits(), "Asia/Shanghai", channels)


def deliver_for_ever(database: str, url: str, kafka: str, topic: str, now: dt.datetime) -> None:
    alerting = alerting_to(url, kafka, topic)
    while True:
        deliver(database, alerting, now)
        now += TICK


def kill_a_daemon_that_delivers(service: Receiver, database: str, kafka: str, topic: str, now: dt.datetime) -> None:
    """A daemon in a process of its own, killed while the service has its message and has not answered."""
    asked, service.stalls = service.asked, True
    spawned = multiprocessing.get_context("spawn")
    process = spawned.Process(target=deliver_for_ever, args=(database, service.url, kafka, topic, now))
    process.start()
    while service.asked == asked:
        assert process.is_alive()
        time.sleep(0.05)
    process.kill()
    process.join()
    service.stalls = False


def test_fault_30_a_channel_is_down_for_an_hour_in_a_storm_of_alerts_and_the_daemon_is_killed(
    database: str, kafka: str, topic: Callable[..., str]
):
    name = topic()

    def evaluate(holds: bool, now: dt.datetime) -> None:
        channels = [channel.name for channel in alerting.channels]
        verdicts = tuple(Verdict(group, holds, replace(known(), name=group)) for group in GROUPS)
        storm = Evaluation("group_dying", verdicts)
        AlertLedger(database).update(lambda _open: [storm], POLICY, channels, now, rules=RULES)

    with Receiver().running() as service:
        service.accepts = False
        alerting, now = alerting_to(service.url, kafka, name), NOON
        evaluate(True, now)
        while now < NOON + HOUR:
            deliver(database, alerting, now)
            now += TICK
            if now == NOON + HOUR / 2:
                kill_a_daemon_that_delivers(service, database, kafka, name, now)
                alerting = alerting_to(service.url, kafka, name)
            if now.minute % 10 == 0 and now.second == 0:
                evaluate(True, now)
        refused = service.asked
        service.accepts = True
        for _ in range(2 * 30):
            deliver(database, alerting, now)
            now += TICK
        evaluate(False, now)
        for _ in range(10):
            deliver(database, alerting, now)
            now += TICK
        firing = re.findall(r"wecom:\d+(?=, since .*\(alert)", service.text.partition("no longer dying")[0])
        ended = re.findall(r"wecom:\d+(?=, since .*\(alert)", service.text.partition("no longer dying")[2])
        print(f"{refused} attempts while down; {len(service.messages)} messages about 500 alerts and their ends")
        assert tuple(firing) == GROUPS
        assert tuple(ended) == GROUPS
        assert refused < 15
        assert len(service.messages) < 10
    records = committed(kafka, name)
    assert [(value["event"], value["subject"]) for _, value in records] == [
        *(("firing", group) for group in GROUPS), *(("recovered", group) for group in GROUPS),
    ]  # fmt: skip
    assert len({key for key, _ in records}) == 1000
    assert Outbox(database).waiting() == ()
