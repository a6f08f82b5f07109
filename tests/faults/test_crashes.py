"""A writer dies around its commit: what was committed stays, what was not is written once more."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Handle, Lake, LakeConflict
from schemas.lake import RAW
from tests.faults.invariant import assert_each_record_once
from tests.faults.worker import AFTER, BEFORE, COMMITS_FIRST, worker_stopped

THREE_ROWS = BatchLimits(rows=3, seconds=300, stall_seconds=300)
VALUES = [f"value {number}".encode() for number in range(10)]

Send = Callable[..., None]
MakeTopic = Callable[..., str]


def rows(lake: Lake) -> int:
    return lake.open(RAW).scan().select(pl.len()).collect().item()


def files(lake: Lake) -> set[Path]:
    return set(Path(lake.table_uri(RAW)).glob("*.parquet"))


def listed(lake: Lake) -> set[Path]:
    return {Path(uri) for uri in lake.open(RAW).delta.file_uris()}


def test_fault_01_killed_before_the_delta_commit(
    kafka: str, connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *VALUES)
    with worker_stopped(kafka, name, lake, BEFORE) as worker:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert rows(lake) == 3 * COMMITS_FIRST
    orphans = files(lake) - listed(lake)
    assert len(orphans) == 1
    ingest_raw(connection, lake, [name], THREE_ROWS)
    assert_each_record_once(connection, lake, name)
    assert orphans.isdisjoint(listed(lake))


def test_fault_02_killed_after_the_delta_commit(
    kafka: str, connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *VALUES)
    with worker_stopped(kafka, name, lake, AFTER) as worker:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    committed = rows(lake)
    assert committed == 3 * (COMMITS_FIRST + 1)
    assert ingest_raw(connection, lake, [name], THREE_ROWS).rows == len(VALUES) - committed
    assert_each_record_once(connection, lake, name)


@dataclass(frozen=True)
class Unanswered(Lake):
    """A lake that commits to `raw` and loses the answer, once: the writer is told a failure in its place."""

    failures: list[Exception] = field(default_factory=list)

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        is_lost = handle.table is RAW and self.failures
        # Through a handle of its own: a writer without an answer knows nothing of the new version.
        super().append(self.open(handle.table) if is_lost else handle, rows, positions, **options)
        if is_lost:
            raise self.failures.pop()


def test_fault_03_the_answer_to_a_commit_is_lost_and_its_retry_meets_the_commit(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *VALUES)
    unanswered = Unanswered(lake.uri, failures=[LakeConflict("Another writer was faster: oneself.", "Load again.")])
    assert ingest_raw(connection, unanswered, [name], THREE_ROWS).rows == len(VALUES) - 3
    assert_each_record_once(connection, lake, name)


def test_fault_03_the_answer_to_a_commit_is_lost_and_the_run_fails(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *VALUES)
    unanswered = Unanswered(lake.uri, failures=[OSError("the connection to the store broke")])
    with pytest.raises(OSError, match="connection to the store"):
        ingest_raw(connection, unanswered, [name], THREE_ROWS)
    assert ingest_raw(connection, lake, [name], THREE_ROWS).rows == len(VALUES) - 3
    assert_each_record_once(connection, lake, name)
