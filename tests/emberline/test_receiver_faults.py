"""Whatever happens to the receiver or to Kafka: what was answered 200 is in Kafka, and nobody is told so wrongly."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from benchmarks.webhooks import Sent, event, send
from emberline.embedded import EmbeddedKafka, StateFolder
from emberline.embedded.errors import EngineDied
from emberline.embedded.kafka_login import LETS_EVERYBODY_IN
from emberline.embedded.ports import kept_port
from emberline.services import Services
from emberline.settings import load_settings
from emberline.status import addresses
from pipelines.ingest.connection import KafkaConnection
from pipelines.operations.receiver import fault_of
from tests.emberline.receiving import SECRET, receiver, records, settings, signature

MakeTopic = Callable[..., str]


class Load(threading.Thread):
    """Deliveries at a steady rate, in a thread of their own."""

    def __init__(self, url: str, name: str, rate: float, seconds: float) -> None:
        super().__init__()
        ids = (f"{name}-{number}" for number in count())
        self._sending = lambda: asyncio.run(send(url, SECRET, ids, rate, seconds, 16))
        self.sent = Sent()

    def run(self) -> None:
        self.sent = self._sending()


def killed(folder: Path, kafka: str, topic: str, name: str) -> Sent:
    """What was sent to a receiver that was killed at a random moment."""
    folder.mkdir()
    with receiver(folder, kafka, topic) as running:
        load = Load(f"{running.base}/hub", name, rate=300, seconds=4)
        load.start()
        time.sleep(random.uniform(1.0, 3.0))
        running.process.send_signal(signal.SIGKILL)
        load.join()
    return load.sent


def missing(kafka: str, topic: str, sent: list[Sent]) -> set[bytes]:
    there = set(records(KafkaConnection(kafka), topic)["value"])
    return {event(one) for each in sent for one in each.accepted} - there


def test_of_a_receiver_killed_under_load_everything_that_was_answered_is_in_kafka(
    tmp_path: Path, kafka: str, topic: MakeTopic
):
    name = topic(partitions=3)
    sent = killed(tmp_path / "one", kafka, name, "one")
    assert sent.statuses[200] > 0
    assert sent.statuses[0] > 0
    assert missing(kafka, name, [sent]) == set()


@pytest.mark.soak
def test_of_a_receiver_killed_again_and_again_everything_that_was_answered_is_in_kafka(
    tmp_path: Path, kafka: str, topic: MakeTopic
):
    name = topic(partitions=3)
    sent = [killed(tmp_path / str(number), kafka, name, str(number)) for number in range(12)]
    assert missing(kafka, name, sent) == set()


def test_a_stop_under_load_answers_what_is_under_way_and_loses_nothing(tmp_path: Path, kafka: str, topic: MakeTopic):
    name, body = topic(partitions=3), event("under way")
    with receiver(tmp_path, kafka, name) as running, socket.create_connection(("127.0.0.1", running.port)) as stream:
        load = Load(f"{running.base}/hub", "stopped", rate=300, seconds=3)
        load.start()
        head = f"POST /hub HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {signature(body)}\r\nContent-Length: {len(body)}"
        stream.sendall(f"{head}\r\n\r\n".encode() + body[:10])
        time.sleep(1)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        stream.sendall(body[10:])
        assert stream.recv(1000).startswith(b"HTTP/1.1 200")
        assert running.process.wait(60) == 0
        load.join()
    assert set(load.sent.statuses) <= {200, 0}
    assert missing(kafka, name, [load.sent]) == set()
    assert body in set(records(KafkaConnection(kafka), name)["value"])
    assert '"event": "stopped"' in running.log.read_text()


@pytest.mark.slow
def test_while_kafka_is_away_senders_are_told_to_come_back_and_afterwards_they_are_taken(tmp_path: Path):
    broker = EmbeddedKafka(StateFolder(tmp_path / "broker"), properties=LETS_EVERYBODY_IN)
    address = broker.start()
    try:
        KafkaConnection(address).create_topics(["away"], 1)
        (folder := tmp_path / "receiver").mkdir()
        with receiver(folder, address, "away", "ack_seconds = 10") as running:
            assert running.post(event("before")).status == 200
            broker.stop()
            began = time.monotonic()
            answers = [running.post(event(f"during{number}")) for number in range(3)]
            assert {(answer.status, answer.headers["retry-after"]) for answer in answers} == {(503, "5")}
            assert time.monotonic() - began < 120
            assert (running.status_of("/readyz"), running.status_of("/healthz")) == (503, 200)
            assert fault_of(running.base) == "it does not get records into Kafka"
            assert broker.start() == address
            running.wait_until_ready()
            assert running.post(event("after")).status == 200
            there = records(KafkaConnection(address), "away")["value"].to_list()
            assert (there[0], there[-1]) == (event("before"), event("after"))
    finally:
        broker.stop()


def test_a_receiver_beside_the_pipeline_starts_once_shows_in_status_and_stops(
    tmp_path: Path, kafka: str, topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "emberline.toml").write_text(settings(kafka, topic(), kept_port(tmp_path / "port")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBERLINE__RECEIVE__ROUTES__HUB__SECRET", SECRET)
    services = Services(load_settings())
    running = services.receiver()
    assert addresses(services)["receiver"] is None
    try:
        running.start()
        first, url = running.process(), running.url
        running.start()
        assert running.process() == first
        assert addresses(services)["receiver"] == url
        assert fault_of(url) is None
    finally:
        running.stop()
    running.stop()
    assert (addresses(services)["receiver"], running.process()) == (None, None)
    assert fault_of(url) == f"nothing answers at {url}"


def test_a_receiver_that_does_not_come_up_says_why(
    tmp_path: Path, kafka: str, topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "emberline.toml").write_text(settings(kafka, topic(), kept_port(tmp_path / "port")))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngineDied, match="Wire github needs 'secret'"):
        Services(load_settings()).receiver().start()
