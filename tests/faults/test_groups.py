"""Workers that share partitions, as processes of the command line: they come, go, die, sleep and wake up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.lag import partition_lags
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Lake
from schemas.lake import RAW
from tests.faults.invariant import assert_each_record_once
from tests.faults.worker import BEFORE, worker_stopped

SESSION_S = 6
PATIENCE_S = 600
FEW_ROWS = BatchLimits(rows=40, seconds=0.5, stall_seconds=300)
MakeTopic = Callable[..., str]


class Workers:
    """Worker processes of one group, on one topic and one lake."""

    def __init__(self, kafka: str, topic: str, lake: Lake, folder: Path) -> None:
        self.running: list[subprocess.Popen[str]] = []
        self._environment = {
            **os.environ,
            "EMBERLINE__STATE": str(folder / "state"),
            "EMBERLINE__KAFKA__BOOTSTRAP_SERVERS": kafka,
            "EMBERLINE__KAFKA__TOPICS": json.dumps({topic: "cloudevents"}),
            "EMBERLINE__LAKE__URI": lake.uri,
            "EMBERLINE__INGEST__GROUP": topic,
            "EMBERLINE__INGEST__BATCH_ROWS": "40",
            "EMBERLINE__INGEST__SESSION_SECONDS": str(SESSION_S),
        }

    def start(self, batch_s: float = 0.3) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "emberline", "ingest", "--json"]
        environment = {**self._environment, "EMBERLINE__INGEST__BATCH_SECONDS": str(batch_s)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()
        self.running.remove(process)

    def stop(self, process: subprocess.Popen[str]) -> int:
        """Ask a worker to end; the rows it added. One that has hardly begun does not know the signal yet, and dies."""
        process.terminate()
        told, errors = process.communicate(timeout=300)
        self.running.remove(process)
        if process.returncode == -signal.SIGTERM and not told:
            return 0
        assert process.returncode == 0, errors
        return json.loads(told)["rows"]


@pytest.fixture
def group(kafka: str, lake: Lake, topic: MakeTopic, tmp_path: Path) -> Iterator[tuple[str, Workers]]:
    """A topic of 3 partitions, and its workers; none runs yet."""
    name = topic(partitions=3)
    workers = Workers(kafka, name, lake, tmp_path)
    yield name, workers
    for process in list(workers.running):
        workers.kill(process)


@contextmanager
def load(kafka: str, topic: str) -> Iterator[None]:
    """About a hundred records a second, keyed, for as long as the block runs; small batches keep up with that."""
    stop = threading.Event()

    def produce() -> None:
        options: dict[str, Any] = {"bootstrap_servers": kafka, "metadata_max_age_ms": 500, "linger_ms": 5}
        producer = KafkaProducer(**options)
        number = 0
        while not stop.wait(0.01):
            producer.send(topic, b"value %d" % number, key=b"%d" % number)
            number += 1
        producer.flush()
        producer.close()

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def comes_true(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def rows(lake: Lake) -> int:
    return lake.open(RAW).scan().select(pl.len()).collect().item()


def grows(lake: Lake) -> bool:
    """Whether some more records arrive in `raw`."""
    before = rows(lake)
    return comes_true(lambda: rows(lake) > before + 100)


def share(kafka_admin: Any, group: str, number: int) -> bool:
    """Whether so many workers have come to share the partitions."""

    def is_so() -> bool:
        told = kafka_admin.describe_groups([group])[group]
        return told["group_state"] == "Stable" and len(told["members"]) == number

    return comes_true(is_so)


def assert_all_arrives_once(connection: KafkaConnection, lake: Lake, topic: str) -> None:
    assert comes_true(lambda: all(lag.records == 0 for lag in partition_lags(connection, lake, [topic])))
    assert_each_record_once(connection, lake, topic)


@pytest.mark.soak
def test_fault_06_a_third_worker_joins_and_another_is_killed(
    kafka: str,
    connection: KafkaConnection,
    lake: Lake,
    group: tuple[str, Workers],
    kafka_admin: KafkaAdminClient,
):
    """Partitions change hands while their owners know it: what is read of them is committed first, or dropped."""
    name, workers = group
    with load(kafka, name):
        first, second = workers.start(), workers.start()
        assert grows(lake)
        third = workers.start()
        assert share(kafka_admin, name, 3)
        assert grows(lake)
        workers.kill(first)
        assert share(kafka_admin, name, 2)
        assert grows(lake)
    assert_all_arrives_once(connection, lake, name)
    assert workers.stop(second) > 0
    assert workers.stop(third) > 0
    assert_each_record_once(connection, lake, name)


def test_fault_06_what_a_worker_has_read_is_committed_before_another_gets_its_partitions(
    lake: Lake, group: tuple[str, Workers], send: Callable[..., None]
):
    """Whoever gets them would have to read it again; neither of the two has a full batch, nor will within the test."""
    name, workers = group
    send(name, *(b"value %d" % number for number in range(60)))
    workers.start(batch_s=600)
    assert comes_true(lambda: rows(lake) > 0)
    time.sleep(1)
    assert rows(lake) == 40
    workers.start(batch_s=600)
    assert comes_true(lambda: rows(lake) == 60)


def test_fault_06_a_worker_sleeps_through_a_rebalance_and_wakes_up(
    kafka: str, connection: KafkaConnection, lake: Lake, group: tuple[str, Workers]
):
    """It is put to sleep in the midst of a commit, behind all it asks Kafka: nothing but the Delta log can tell it."""
    name, workers = group
    with load(kafka, name):
        with worker_stopped(kafka, name, lake, BEFORE, name, str(SESSION_S)) as sleeper:
            sleeper.send_signal(signal.SIGSTOP)
            other = workers.start()
            before = rows(lake)
            assert comes_true(lambda: rows(lake) > before + 200)
            assert comes_true(lambda: set(newest(lake, 100)) == {0, 1, 2}), "the other one has its partitions"
            sleeper.send_signal(signal.SIGCONT)
            print("go on", file=sleeper.stdin, flush=True)
            assert grows(lake)
            sleeper.terminate()
            sleeper.communicate(timeout=300)
            assert sleeper.returncode == 0
        assert grows(lake)
    assert_all_arrives_once(connection, lake, name)
    assert workers.stop(other) > 0


def newest(lake: Lake, rows: int) -> list[int]:
    """The partitions of the newest records."""
    return lake.open(RAW).scan().sort("kafka_time").tail(rows).select("partition").collect()["partition"].to_list()


def test_fault_06_partitions_grow_under_two_workers_and_a_run(
    kafka: str, connection: KafkaConnection, lake: Lake, group: tuple[str, Workers], kafka_admin: KafkaAdminClient
):
    name, workers = group
    with load(kafka, name):
        workers.start()
        workers.start()
        assert grows(lake)
        more: Any = {name: 6}
        kafka_admin.create_partitions(more)
        for _ in range(3):
            ingest_raw(connection, lake, [name], FEW_ROWS)
        assert comes_true(lambda: set(newest(lake, 100)) == set(range(6)))
    assert_all_arrives_once(connection, lake, name)
    for worker in list(workers.running):
        workers.stop(worker)


def test_fault_11_a_worker_passes_over_an_aborted_transaction(
    connection: KafkaConnection,
    lake: Lake,
    group: tuple[str, Workers],
    transactional: Callable[[str], Any],
    send: Callable[..., None],
):
    name, workers = group
    send(name, b"before")
    producer = transactional(f"abort-{name}")
    producer.send(name, b"never committed", partition=0).get(timeout=120)
    producer.abort_transaction()
    send(name, b"after")
    workers.start()
    assert_all_arrives_once(connection, lake, name)
    assert rows(lake) == 2


@pytest.mark.parametrize("deaths", [2, pytest.param(8, marks=pytest.mark.soak)])
def test_fault_06_workers_are_killed_and_started_at_random(
    kafka: str, connection: KafkaConnection, lake: Lake, group: tuple[str, Workers], deaths: int
):
    """A death at any point of reading and committing, again and again: whoever comes next goes on from the lake."""
    name, workers = group
    chance = random.Random(6)
    with load(kafka, name):
        workers.start()
        workers.start()
        assert grows(lake)
        for _ in range(deaths):
            time.sleep(chance.uniform(0.5, 2.5))
            victim = chance.choice(workers.running)
            if chance.random() < 0.3:
                workers.stop(victim)
            else:
                workers.kill(victim)
            workers.start()
    assert_all_arrives_once(connection, lake, name)
