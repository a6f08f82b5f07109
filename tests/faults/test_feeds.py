"""Kafka itself is the fault: silent, cut, created again, grown, or with transactions that end badly."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.feeds import app_id
from pipelines.ingest.intake import BatchLimits, OffsetsGone
from pipelines.ingest.lag import backlog, partition_lags
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Handle, Lake
from schemas.lake import GAPS, RAW
from tests.faults.invariant import assert_each_record_once, drain, in_kafka, in_raw

QUICK = BatchLimits(seconds=0.5, stall_seconds=300)
THREE_ROWS = BatchLimits(rows=3, seconds=300, stall_seconds=30)
NOW = dt.datetime(2025, 3, 3, 12, tzinfo=dt.UTC)
READY: Any = {"wait_for_metadata": True}

Send = Callable[..., None]
MakeTopic = Callable[..., str]


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [f"value {number}".encode() for number in range(start, start + count)]


def position(lake: Lake, connection: KafkaConnection, topic: str, partition: int = 0) -> int | None:
    [found] = connection.topics([topic])
    return lake.open(RAW).position(app_id(found.topic_id, partition))


@pytest.fixture
def cut(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, kafka_admin: KafkaAdminClient
) -> Callable[[int], str]:
    """A topic of 7 records, the first 2 of them read, whose log now starts at an offset."""

    def make(start: int) -> str:
        name = topic()
        send(name, *numbered(2))
        ingest_raw(connection, lake, [name], QUICK)
        send(name, *numbered(5, start=2))
        kafka_admin.delete_records({TopicPartition(name, 0): start})
        return name

    return make


def gaps(lake: Lake) -> list[tuple[object, ...]]:
    columns = ("topic", "partition", "from_offset", "to_offset", "accepted_at")
    return lake.open(GAPS).scan().select(columns).sort("from_offset").collect().rows()


def test_fault_08_retention_has_passed_the_saved_offset(
    connection: KafkaConnection, lake: Lake, cut: Callable[[int], str]
):
    name = cut(6)
    with pytest.raises(OffsetsGone, match=f"{name}, partition 0: .* below 2, .* at 6: 4 offsets[\\s\\S]*--accept-gaps"):
        ingest_raw(connection, lake, [name], QUICK)
    assert len(in_raw(lake)) == 2
    assert gaps(lake) == []


def test_fault_08_a_run_told_to_accept_gaps_notes_them_and_goes_on(
    connection: KafkaConnection, lake: Lake, cut: Callable[[int], str]
):
    name = cut(6)
    before = in_raw(lake)
    report = ingest_raw(connection, lake, [name], QUICK, accept_gaps_at=NOW)
    assert (report.rows, report.offsets_lost) == (1, 4)
    assert in_raw(lake) == [*before, *in_kafka(connection, name)]
    assert gaps(lake) == [(name, 0, 2, 6, NOW)]


def test_fault_08_a_gap_once_accepted_is_no_error_of_the_next_run(
    connection: KafkaConnection, lake: Lake, cut: Callable[[int], str]
):
    """Also where the log is empty behind the gap, so that no record moves the position."""
    name = cut(7)
    ingest_raw(connection, lake, [name], QUICK, accept_gaps_at=NOW)
    assert ingest_raw(connection, lake, [name], QUICK).rows == 0
    assert position(lake, connection, name) == 7


@dataclass(frozen=True)
class DyingInRaw(Lake):
    """A lake whose writer dies just before it writes `raw`."""

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        if handle.table is RAW:
            raise KeyboardInterrupt
        super().append(handle, rows, positions, **options)


def test_fault_08_a_crash_between_note_and_reading_notes_no_offset_twice(
    connection: KafkaConnection, lake: Lake, cut: Callable[[int], str], kafka_admin: KafkaAdminClient
):
    name = cut(4)
    with pytest.raises(KeyboardInterrupt):
        ingest_raw(connection, DyingInRaw(lake.uri), [name], QUICK, accept_gaps_at=NOW)
    kafka_admin.delete_records({TopicPartition(name, 0): 6})
    ingest_raw(connection, lake, [name], QUICK, accept_gaps_at=NOW)
    assert gaps(lake) == [(name, 0, 2, 4, NOW), (name, 0, 4, 6, NOW)]


def test_fault_08_lost_offsets_are_a_backlog_so_that_a_run_is_asked_for_and_tells(
    connection: KafkaConnection, lake: Lake, cut: Callable[[int], str]
):
    name = cut(6)
    assert [lag.records for lag in partition_lags(connection, lake, [name])] == [5]
    assert backlog(connection, lake, [name]).records == 7, "2 of them are in raw and not decoded"


def test_fault_09_a_topic_is_deleted_and_created_again(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, kafka_admin: KafkaAdminClient
):
    name = topic()
    send(name, *numbered(5))
    ingest_raw(connection, lake, [name], QUICK)
    of_the_old_one = in_raw(lake)
    kafka_admin.delete_topics([name])
    again: Any = {name: {"num_partitions": 1}}
    kafka_admin.create_topics(again, **READY)
    send(name, b"of the new one")
    ingest_raw(connection, lake, [name], QUICK)
    assert in_raw(lake) == sorted([*of_the_old_one, *in_kafka(connection, name)])


@pytest.mark.parametrize("anew", [40, 2], ids=["longer", "shorter"])
def test_fault_09_a_topic_is_created_again_in_mid_batch(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, kafka_admin: KafkaAdminClient, anew: int
):
    """Its offsets go on where those of the old one were read to, or end before, and are not taken for them."""
    name = topic()
    send(name, *numbered(20))
    old = [(connection.topics([name])[0].topic_id, 0, offset, value) for offset, value in enumerate(numbered(20))]
    created = threading.Event()

    def create_again(_done: int, _todo: int) -> None:
        if not created.is_set():
            created.set()
            kafka_admin.delete_topics([name])
            again: Any = {name: {"num_partitions": 1}}
            kafka_admin.create_topics(again, **READY)
            send(name, *numbered(anew, start=100))

    ingest_raw(connection, lake, [name], THREE_ROWS, create_again)
    of_the_old_one = [record for record in in_raw(lake) if record[0] == old[0][0]]
    assert 3 <= len(of_the_old_one) < 20
    assert of_the_old_one == old[: len(of_the_old_one)]
    assert in_raw(lake) == sorted([*of_the_old_one, *in_kafka(connection, name)])


def test_fault_09_records_of_a_topic_that_is_gone_are_decoded_all_the_same(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, kafka_admin: KafkaAdminClient
):
    kept, gone = topic(), f"gone-{uuid.uuid4().hex}"
    connection.create_topics([gone], partitions=1)
    send(gone, *numbered(5))
    ingest_raw(connection, lake, [kept, gone], QUICK)
    kafka_admin.delete_topics([gone])
    assert drain(connection, lake, kept, gone).raw == 5


def test_fault_10_partitions_grow_from_3_to_6_under_load(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, kafka: str, kafka_admin: KafkaAdminClient
):
    name = topic(partitions=3)
    grown, stop = threading.Event(), threading.Event()

    def produce() -> None:
        # One that keys its records, and learns of new partitions soon.
        options: dict[str, Any] = {"bootstrap_servers": kafka, "metadata_max_age_ms": 100}
        producer = KafkaProducer(**options)
        number, last = 0, 0
        while not stop.is_set() or last < 50:
            producer.send(name, b"value %d" % number, key=b"%d" % number).get(timeout=120)
            number, last = number + 1, last + grown.is_set()
        producer.close()

    load = threading.Thread(target=produce)
    load.start()
    while not ingest_raw(connection, lake, [name], QUICK).rows:
        continue
    more: Any = {name: 6}
    kafka_admin.create_partitions(more)
    grown.set()
    ingest_raw(connection, lake, [name], QUICK)
    stop.set()
    load.join()
    ingest_raw(connection, lake, [name], QUICK)
    assert_each_record_once(connection, lake, name)
    firsts = lake.open(RAW).scan().group_by("partition").agg(pl.col("offset").min()).sort("partition").collect()
    assert firsts.rows() == [(number, 0) for number in range(6)]


def test_fault_11_a_transaction_is_aborted_and_only_markers_are_at_the_tail(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, transactional: Callable[[str], Any], send: Send
):
    name = topic()
    send(name, b"before")
    producer = transactional(f"abort-{name}")
    for value in numbered(3):
        producer.send(name, value, partition=0)
    producer.flush()
    producer.abort_transaction()
    ingest_raw(connection, lake, [name], QUICK)
    assert position(lake, connection, name) == 5
    assert [lag.records for lag in partition_lags(connection, lake, [name])] == [0]
    send(name, b"after")
    ingest_raw(connection, lake, [name], QUICK)
    assert [value for *_, value in in_raw(lake)] == [b"before", b"after"]
    assert_each_record_once(connection, lake, name)


def test_fault_12_a_transaction_hangs_open(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, transactional: Callable[[str], Any], send: Send
):
    """What lies before it flows on; what lies behind it is a finding, and no healthy silence."""
    name = topic()
    send(name, b"before")
    producer = transactional(f"hang-{name}")
    began = dt.datetime.now(dt.UTC)
    producer.send(name, b"not yet committed", partition=0).get(timeout=120)
    sent = dt.datetime.now(dt.UTC)
    send(name, b"after")
    report = ingest_raw(connection, lake, [name], THREE_ROWS)
    assert (report.rows, report.held_back) == (1, {f"{name}/0": 2})
    [lag] = partition_lags(connection, lake, [name])
    assert (lag.records, lag.held_back) == (0, 2)
    assert lag.held_since is not None
    # Kafka keeps milliseconds.
    assert began - dt.timedelta(milliseconds=1) <= lag.held_since <= sent
    producer.commit_transaction()
    assert ingest_raw(connection, lake, [name], QUICK).held_back == {}
    assert [(lag.held_back, lag.held_since) for lag in partition_lags(connection, lake, [name])] == [(0, None)]
    assert_each_record_once(connection, lake, name)
