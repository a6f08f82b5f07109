"""The broker falls silent in the midst of a pass: its process is stopped, so it is one of this module's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from kafka.admin import KafkaAdminClient

from emberline.embedded import EmbeddedKafka, StateFolder
from emberline.embedded.kafka_login import LETS_EVERYBODY_IN
from pipelines.ingest.connection import KafkaConnection, KafkaUnreachable
from pipelines.ingest.intake import BatchLimits, FeedStalled
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Lake
from tests.faults.invariant import assert_each_record_once, in_raw

QUICK = BatchLimits(seconds=0.5, stall_seconds=300)
IMPATIENT = BatchLimits(rows=3, seconds=300, stall_seconds=6)

Send = Callable[..., None]
MakeTopic = Callable[..., str]


@pytest.fixture(scope="module")
def state() -> Iterator[StateFolder]:
    folder = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-silent-")))
    yield folder
    EmbeddedKafka(folder).stop()
    folder.destroy()


@pytest.fixture(scope="module")
def kafka(state: StateFolder) -> str:
    return EmbeddedKafka(state, properties=LETS_EVERYBODY_IN).start()


@pytest.fixture(scope="module")
def kafka_admin(kafka: str) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    yield admin
    admin.close()


@contextmanager
def broker_of(state: StateFolder) -> Iterator[psutil.Process]:
    """The broker's process; it runs again at the end, whatever was done to it."""
    broker = psutil.Process(int((state.path / "kafka" / "kafka.pid").read_text()))
    try:
        yield broker
    finally:
        broker.resume()


def test_fault_07_the_position_stands_still_while_there_is_lag(
    state: StateFolder, connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    # Fetches hold 8 MiB, a batch three of them: the batch being read is not full when the broker falls silent.
    send(name, *[bytes(900_000)] * 90)
    limits = BatchLimits(bytes=24 * 1024 * 1024, seconds=300, stall_seconds=6)
    stalled = pytest.raises(FeedStalled, match=f"{name}, partition 0: no record arrived for 6 .* records up to 90")
    with broker_of(state) as broker, stalled:
        ingest_raw(connection, lake, [name], limits, lambda _done, _todo: broker.suspend())
    assert 20 <= len(in_raw(lake)) < 90
    ingest_raw(connection, lake, [name], QUICK)
    assert_each_record_once(connection, lake, name)


def test_fault_07_a_broker_that_falls_silent_before_a_commit_is_named(
    state: StateFolder, connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    """Nobody can say then whether the topic is still the same."""
    name = topic()
    send(name, *[f"value {number}".encode() for number in range(30)])
    with broker_of(state) as broker, pytest.raises(KafkaUnreachable, match=connection.bootstrap_servers):
        ingest_raw(connection, lake, [name], IMPATIENT, lambda _done, _todo: broker.suspend())
    assert 3 <= len(in_raw(lake)) < 30
    ingest_raw(connection, lake, [name], QUICK)
    assert_each_record_once(connection, lake, name)
