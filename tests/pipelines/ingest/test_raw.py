"""Every committed record of Kafka is in `raw` exactly once. What faults do to that is in `tests/faults`."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import polars as pl
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.feeds import app_id
from pipelines.ingest.intake import BatchLimits, Intake, OffsetsGone
from pipelines.ingest.raw import ingest_raw, raw_rows
from pipelines.ingest.reader import ReaderKind
from pipelines.lake import Handle, Lake
from schemas.lake import RAW

Send = Callable[..., None]
MakeTopic = Callable[..., str]

QUICK = BatchLimits(seconds=0.5, stall_seconds=300)
THREE_ROWS = BatchLimits(rows=3, seconds=300, stall_seconds=300)
READY: Any = {"wait_for_metadata": True}


def values(lake: Lake) -> list[tuple[int, bytes]]:
    """Partition and value of every record, in the order of Kafka."""
    rows = lake.open(RAW).scan().sort("topic", "partition", "offset").select("partition", "value")
    return rows.collect().rows()


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [f"value {number}".encode() for number in range(start, start + count)]


def test_a_record_that_was_read_is_not_read_again(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *numbered(3))
    ingest_raw(connection, lake, [name], QUICK)
    assert ingest_raw(connection, lake, [name], QUICK).rows == 0
    send(name, *numbered(2, start=3))
    ingest_raw(connection, lake, [name], QUICK)
    assert values(lake) == [(0, value) for value in numbered(5)]


def test_nothing_new_makes_no_commit(connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send):
    name = topic()
    send(name, *numbered(3))
    ingest_raw(connection, lake, [name], QUICK)
    before = lake.open(RAW).version
    ingest_raw(connection, lake, [name], QUICK)
    assert lake.open(RAW).version == before


def test_a_batch_is_committed_when_it_has_enough_rows(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *numbered(8))
    report = ingest_raw(connection, lake, [name], THREE_ROWS)
    assert (report.rows, report.commits, report.rows_by_topic) == (8, 3, {name: 8})
    assert values(lake) == [(0, value) for value in numbered(8)]


def test_progress_tells_what_has_landed_and_ends_where_all_is_done(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *numbered(7))
    seen: list[tuple[int, int]] = []
    ingest_raw(connection, lake, [name], THREE_ROWS, lambda done, todo: seen.append((done, todo)))
    assert seen == [(3, 7), (7, 7)], "the last two land together: nothing is left to be read meanwhile"


def test_a_topic_that_does_not_exist_is_skipped(connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send):
    name = topic()
    send(name, b"here")
    assert ingest_raw(connection, lake, [name, "not-yet-created"], QUICK).rows == 1


REMOVED = ("value_sha256", "removed_at")
"""What maintenance records of a value that it removed."""


def test_records_are_those_a_plain_consumer_sees(kafka: str, connection: KafkaConnection, lake: Lake, topic: MakeTopic):
    name = topic()
    producer = KafkaProducer(bootstrap_servers=kafka)
    nasty: list[dict[str, Any]] = [
        {"value": None, "key": b"tombstone"},
        {"value": b"", "key": None},
        {"value": b"\xff\x00", "key": b""},
        {"value": b"v", "headers": [("a", b"1"), ("a", b"\xfe"), ("empty", b"")]},
        {"value": b"v", "timestamp_ms": 1_000_000_000_123},
        {"value": b"v", "headers": [("schlüssel", "世界".encode())]},
    ]
    for record in nasty:
        producer.send(name, partition=0, **record)
    producer.close()
    ingest_raw(connection, lake, [name], QUICK)
    plain = KafkaConsumer(name, bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None)
    expected = [
        {
            "partition": record.partition,
            "offset": record.offset,
            "kafka_time": dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC),
            "key": record.key,
            "headers": [{"key": key, "value": value} for key, value in record.headers],
            "value": record.value,
        }
        for record in islice(plain, len(nasty))
    ]
    plain.close()
    stored = lake.open(RAW).scan().sort("offset").drop("topic", "topic_id", *REMOVED).collect().to_dicts()
    assert len(stored) == len(nasty)
    assert stored == expected


def test_a_topic_already_cut_is_read_from_where_it_begins(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, kafka_admin: KafkaAdminClient
):
    name = topic()
    send(name, *numbered(5))
    kafka_admin.delete_records({TopicPartition(name, 0): 3})
    ingest_raw(connection, lake, [name], QUICK)
    assert values(lake) == [(0, value) for value in numbered(2, start=3)]


def test_a_position_beyond_the_log_is_an_error_and_no_silence(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *numbered(2))
    [found] = connection.topics([name])
    lake.append(lake.open(RAW), pl.DataFrame(schema=RAW.schema), {app_id(found.topic_id, 0): 40})
    with pytest.raises(OffsetsGone, match=f"{name}, partition 0"):
        ingest_raw(connection, lake, [name], QUICK)


def test_a_committed_transaction_is_read_whole(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, transactional: Callable[[str], Any]
):
    name = topic()
    producer = transactional(f"commit-{name}")
    for value in numbered(3):
        producer.send(name, value, partition=0)
    producer.commit_transaction()
    ingest_raw(connection, lake, [name], QUICK)
    assert values(lake) == [(0, value) for value in numbered(3)]


def test_a_span_of_raw_is_half_open_and_of_its_partition_only(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic(partitions=2)
    for partition in (0, 1):
        send(name, *numbered(5), partition=partition)
    ingest_raw(connection, lake, [name], QUICK)
    [found] = connection.topics([name])
    span = raw_rows(lake.open(RAW), {(found.topic_id, 0): 1}, {(found.topic_id, 0): 3})
    assert sorted(span.select("partition", "offset").rows()) == [(0, 1), (0, 2)]


@pytest.mark.parametrize("reader", ["fast", "plain"])
@pytest.mark.parametrize(
    ("run_rows", "passes"),
    [
        pytest.param(2, [2, 2, 2, 2, 0], id="less than a batch"),
        pytest.param(3, [3, 3, 2, 0], id="a batch"),
        pytest.param(5, [5, 3, 0], id="a batch, and some while it is under way"),
        pytest.param(8, [8, 0], id="all there are"),
    ],
)
def test_a_pass_ends_after_so_many_records_and_the_next_goes_on(
    kafka: str, lake: Lake, topic: MakeTopic, send: Send, reader: ReaderKind, run_rows: int, passes: list[int]
):
    connection = KafkaConnection(kafka, reader=reader)
    name = topic(partitions=2)
    for partition in (0, 1):
        send(name, *numbered(4), partition=partition)
    limits = replace(THREE_ROWS, run_rows=run_rows)
    assert [ingest_raw(connection, lake, [name], limits).rows for _ in passes] == passes
    assert values(lake) == [(partition, value) for partition in (0, 1) for value in numbered(4)]


@dataclass(frozen=True)
class Slow(Lake):
    """A lake that appends to `raw` when it is let."""

    may_append: threading.Event = field(default_factory=threading.Event)

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        if handle.table is RAW:
            assert self.may_append.wait(30)
        super().append(handle, rows, positions, **options)


@contextmanager
def reading(connection: KafkaConnection, lake: Lake, topic: str, limits: BatchLimits) -> Iterator[Intake]:
    """An intake of partition 0, at the lake's position."""
    consumer = connection.consumer()
    consumer.assign([TopicPartition(topic, 0)])
    try:
        with (
            connection.directory() as directory,
            Intake(connection, consumer, directory, lake, limits, accept_gaps_at=None) as intake,
        ):
            intake.seek([TopicPartition(topic, 0)])
            yield intake
    finally:
        consumer.close(autocommit=False)


def test_no_more_than_two_batches_are_held_while_the_lake_is_slow(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *numbered(9))
    slow = Slow(lake.uri)

    def read(intake: Intake) -> int:
        while not intake.is_due:
            intake.poll(dict)
        return intake.rows

    with reading(connection, slow, name, THREE_ROWS) as intake:
        try:
            assert read(intake) == 3
            assert intake.commit(is_awaited=False)
            assert (intake.report.rows, intake.rows_launched) == (0, 3)
            assert read(intake) == 3
            second = threading.Thread(target=intake.commit, kwargs={"is_awaited": False})
            second.start()
            second.join(0.5)
            assert second.is_alive(), "a third batch would be begun"
            assert (intake.rows, intake.rows_launched) == (3, 0)
        finally:
            slow.may_append.set()
        second.join()
        assert read(intake) == 3
        assert intake.commit()
        assert (intake.report.rows, intake.report.commits) == (9, 3)
    assert values(lake) == [(0, value) for value in numbered(9)]
