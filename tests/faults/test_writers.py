"""Several writers on the same records: one wins each batch, and nothing is doubled or lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl
import psutil

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Handle, Lake
from schemas.lake import RAW
from tests.faults.invariant import assert_each_record_once
from tests.faults.worker import BEFORE, worker_stopped

QUICK = BatchLimits(seconds=0.5, stall_seconds=300)
THREE_ROWS = BatchLimits(rows=3, seconds=300, stall_seconds=300)

Send = Callable[..., None]
MakeTopic = Callable[..., str]


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [f"value {number}".encode() for number in range(start, start + count)]


@dataclass(frozen=True)
class Together(Lake):
    """The lake of one of several writers, whose first commits come one after the other once all are about to commit."""

    all_ready: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))
    turn: threading.Lock = field(default_factory=threading.Lock)
    has_begun: threading.Event = field(default_factory=threading.Event)

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        if handle.table is RAW and not self.has_begun.is_set():
            self.has_begun.set()
            self.all_ready.wait(300)
        with self.turn:
            super().append(handle, rows, positions, **options)


def test_fault_04_two_writers_on_one_partition(connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send):
    name = topic()
    send(name, *numbered(30))
    failures: list[BaseException] = []
    all_ready, turn = threading.Barrier(2), threading.Lock()

    def write() -> None:
        try:
            ingest_raw(connection, Together(lake.uri, all_ready=all_ready, turn=turn), [name], THREE_ROWS)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert_each_record_once(connection, lake, name)


def test_fault_05_a_paused_writer_wakes_up_late(
    kafka: str, connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *numbered(10))
    with worker_stopped(kafka, name, lake, BEFORE) as worker:
        worker.send_signal(signal.SIGSTOP)
        assert comes_to(worker.pid, psutil.STATUS_STOPPED)
        ingest_raw(connection, lake, [name], QUICK)
        version = lake.open(RAW).version
        worker.send_signal(signal.SIGCONT)
        added, _ = worker.communicate("go on\n", timeout=300)
    assert (worker.returncode, added) == (0, "3\n")
    assert lake.open(RAW).version == version
    assert_each_record_once(connection, lake, name)


def comes_to(pid: int, status: str, within_s: float = 300) -> bool:
    deadline = time.monotonic() + within_s
    while (found := psutil.Process(pid).status()) != status and time.monotonic() < deadline:
        time.sleep(0.01)
    return found == status


@dataclass(frozen=True)
class Interrupted(Lake):
    """A lake where something happens just before the first append to `raw`: a rival that was faster."""

    rivals: list[Callable[[], object]] = field(default_factory=list)

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        if handle.table is RAW and self.rivals:
            self.rivals.pop()()
        super().append(handle, rows, positions, **options)


def test_fault_06_a_second_worker_writes_the_batch_first(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *numbered(8))
    late = Interrupted(lake.uri, rivals=[lambda: ingest_raw(connection, lake, [name], THREE_ROWS)])
    assert ingest_raw(connection, late, [name], QUICK).rows == 0
    assert_each_record_once(connection, lake, name)


def test_fault_06_a_second_worker_takes_one_of_the_topics_in_mid_batch(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    """Their batches share no record, and yet the later one must see the other's position."""
    first, second = sorted([topic(), topic()])
    send(first, *numbered(3))
    send(second, *numbered(3, start=3))
    late = Interrupted(lake.uri, rivals=[lambda: ingest_raw(connection, lake, [second], QUICK)])
    ingest_raw(connection, late, [first, second], THREE_ROWS)
    assert_each_record_once(connection, lake, first, second)
