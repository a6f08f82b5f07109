"""Records read as columns are the records that the client's own loop makes, whatever the batches are like."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaConsumer, KafkaProducer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.structs import TopicPartition
from polars.testing import assert_frame_equal

from pipelines.ingest import fast_reader, tested_client
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.fast_reader import ColumnarPartition, Target
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.raw import ingest_raw
from pipelines.ingest.reader import FastReaderUnsupported, ReaderKind, buffers
from pipelines.ingest.record_columns import ColumnBuffer
from pipelines.lake import Lake
from schemas.lake import RAW
from tests.examples import examples

PARTITION = TopicPartition("topic", 3)
UNBOUNDED = 2**40
FIRST_RECORD = 61
"""Where the records of a batch begin, in bytes."""
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

Record = tuple[int, int | None, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""Offset, timestamp, key, value, headers."""


Made = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""Timestamp, key, value, headers."""


class Aborted(NamedTuple):
    """A transaction that was aborted, as a fetch tells of it."""

    producer_id: int
    first_offset: int


class Batch(NamedTuple):
    """How a batch is made; `gaps` are the offsets skipped before each record."""

    codec: int
    records: list[Made]
    gaps: list[int]
    producer_id: int = -1
    magic: int = 2


class Partition(NamedTuple):
    """The two ways to read the same fetch."""

    plain: Any
    fast: Any
    target: Target


def fetched(batches: list[Batch]) -> bytes:
    """Batches one after the other, as a broker sends them."""
    offset, parts = 0, []
    for batch in batches:
        is_transactional = batch.producer_id >= 0
        builder = MemoryRecordsBuilder(
            batch.magic, batch.codec, 2**30, offset, is_transactional, batch.producer_id, 0 if is_transactional else -1,
            0 if is_transactional else -1,
        )  # fmt: skip
        for gap, record in zip(batch.gaps, batch.records, strict=True):
            builder.skip(gap)
            builder.append(*record)
        offset = builder.next_offset()
        builder.close()
        parts.append(bytes(builder.buffer()))
    return b"".join(parts)


def partition(content: bytes, start: int = 0, aborted: list[Aborted] | None = None) -> Partition:
    options: dict[str, Any] = {"isolation_level": IsolationLevel.READ_COMMITTED, "aborted_transactions": aborted or []}
    target = Target()
    return Partition(
        Fetcher.PartitionRecords(start, PARTITION, MemoryRecords(content), **options),
        ColumnarPartition(target, start, PARTITION, MemoryRecords(content), **options),
        target,
    )


def plain_records(records: list[Any]) -> list[Record]:
    return [(r.offset, max(-1, r.timestamp), r.key, r.value, r.headers) for r in records]


def fast_records(buffer: ColumnBuffer) -> list[Record]:
    frame = buffer.frame({PARTITION.topic: "id"})
    assert frame.schema == RAW.schema
    assert (frame["partition"] == PARTITION.partition).all()
    milliseconds = frame["kafka_time"].dt.epoch("ms")
    return [
        (offset, -1 if time is None else time, key, value, [(h["key"], h["value"]) for h in headers])
        for offset, time, key, value, headers in zip(
            frame["offset"], milliseconds, frame["key"], frame["value"], frame["headers"], strict=True
        )
    ]


def take_all(taken: Partition, rows: Iterator[int], size: int) -> tuple[list[list[Record]], list[int], list[int]]:
    """Read to the end in steps of `rows`: the records of each step, and both positions after it."""
    steps, plain_positions, fast_positions = [], [], []
    while taken.plain or taken.fast:
        taken.target.buffer = ColumnBuffer()
        taken.target.full_at = size
        taken.fast.take(next(rows)) if taken.fast else None
        found = fast_records(taken.target.buffer)
        assert plain_records(taken.plain.take(len(found)) if found else taken.plain.take(1)) == found
        steps.append(found)
        plain_positions.append(taken.plain.next_fetch_offset)
        fast_positions.append(taken.fast.next_fetch_offset)
    return steps, plain_positions, fast_positions


blobs = st.none() | st.binary(max_size=20) | st.binary(min_size=100, max_size=300)
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=3)
records = st.tuples(st.integers(0, 2**42), blobs, blobs, headers)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    made = draw(st.lists(records, min_size=1, max_size=6))
    gaps = draw(st.lists(st.sampled_from([0, 0, 0, 1, 70]), min_size=len(made), max_size=len(made)))
    codec, producer_id = draw(st.sampled_from(list(CODECS.values()))), draw(st.sampled_from([-1, -1, 7, 8]))
    return Batch(codec, made, gaps, producer_id)


@examples(150)
@given(
    st.lists(batches(), min_size=1, max_size=5),
    st.integers(0, 200),
    st.lists(st.integers(1, 9), min_size=1),
    st.sampled_from([1, 50, 400, UNBOUNDED]),
    st.lists(st.builds(Aborted, st.sampled_from([7, 8]), st.integers(0, 100)), max_size=2),
)
def test_any_fetch_read_in_any_steps_gives_the_same_records(
    made: list[Batch], start: int, rows: list[int], size: int, aborted: list[Aborted]
):
    steps, plain_positions, fast_positions = take_all(
        partition(fetched(made), start, aborted), itertools.cycle(rows), size
    )
    assert plain_positions[-1] == fast_positions[-1]
    # Behind a batch's last record the fast reader knows the batch's end at once, the plain one at the next record.
    assert all(plain <= fast for plain, fast in zip(plain_positions, fast_positions, strict=True))
    later = [step[0][0] for step in steps if step][1:]
    assert all(fast <= offset for fast, offset in zip(fast_positions, later, strict=False))


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [0, 1])
def test_batches_of_the_old_formats_are_read_too(magic: int, codec: int):
    made = [(1000 + n, f"k{n}".encode() if n % 2 else None, f"v{n}".encode() if n else None, []) for n in range(5)]
    batch = Batch(codec, made, [0] * 5, magic=magic)
    read = partition(fetched([batch]), start=2)
    read.target.full_at = UNBOUNDED
    read.fast.take(10)
    found = fast_records(read.target.buffer)
    assert found == [(r.offset, -1 if magic == 0 else r.timestamp, r.key, r.value, []) for r in read.plain.take()]
    assert len(found) == 3


def test_no_more_rows_than_asked_for_are_taken():
    made: list[Made] = [(0, None, b"value", [])] * 10
    read = partition(fetched([Batch(0, made, [0] * 10)] * 2))
    read.target.full_at = UNBOUNDED
    assert len(read.fast.take(7)) == len(read.target.buffer) == 7
    assert read.fast.next_fetch_offset == 7
    assert len(read.fast.take(7)) == 7
    assert [r[0] for r in fast_records(read.target.buffer)] == list(range(14))


def test_no_record_is_taken_after_the_size_is_reached_and_the_poll_ends_there():
    made: list[Made] = [(0, None, b"v" * 93, [])] * 10
    read = partition(fetched([Batch(0, made, [0] * 10)]))
    read.target.full_at = 250
    assert len(read.fast.take(1000)) == 1000
    assert len(read.target.buffer) == 3


def outcome(read: Callable[[], list[Record]]) -> list[Record] | None:
    """The records, or None where they are corrupt."""
    try:
        return read()
    except CorruptRecordError:
        return None


@pytest.mark.parametrize("byte", [0x00, 0x01, 0x03, 0x10, 0x7F, 0xFF])
def test_both_find_the_same_records_corrupt_behind_a_right_checksum(byte: int):
    content = fetched([Batch(0, [(0, b"key", b"value", [("h", b"x"), ("i", None)])], [0])])
    unchecked: Any = {"check_crcs": False}
    outcomes = []
    attributes = FIRST_RECORD + 1
    for at in {*range(FIRST_RECORD, len(content))} - {attributes}:
        changed = content[:at] + bytes([byte]) + content[at + 1 :]
        target = Target()
        target.full_at = UNBOUNDED
        plain = Fetcher.PartitionRecords(0, PARTITION, MemoryRecords(changed), **unchecked)
        fast = ColumnarPartition(target, 0, PARTITION, MemoryRecords(changed), **unchecked)
        expected = outcome(lambda plain=plain: plain_records(plain.take(9) + (plain.take(1) if plain else [])))
        found = outcome(lambda fast=fast, target=target: [fast.take(10), fast_records(target.buffer)][1])
        assert found == expected
        outcomes.append(found)
    assert None in outcomes


def test_a_wrong_checksum_is_an_error_after_the_records_before_it():
    content = bytearray(fetched([Batch(0, [(0, None, b"good", [])], [0]), Batch(0, [(0, None, b"wrong", [])], [0])]))
    content[-2] ^= 1
    read = partition(bytes(content))
    read.target.full_at = UNBOUNDED
    read.fast.take(10)
    assert [record[3] for record in fast_records(read.target.buffer)] == [b"good"]
    assert read.fast.next_fetch_offset == 1
    with pytest.raises(CorruptRecordError):
        read.fast.take(10)


# Against a real broker.


def raw_of(kafka: str, topics: list[str], kind: ReaderKind, lake: Lake, limits: BatchLimits) -> pl.DataFrame:
    ingest_raw(KafkaConnection(kafka, reader=kind), lake, topics, limits)
    return lake.open(RAW).scan().sort("topic", "partition", "offset").collect()


@pytest.fixture
def both(kafka: str, tmp_path: Any) -> Callable[..., pl.DataFrame]:
    """Read topics both ways, see that rows and positions are the same, and return the rows."""

    def read(*topics: str, limits: BatchLimits | None = None) -> pl.DataFrame:
        limits = limits or BatchLimits(seconds=0.5, stall_seconds=300)
        lakes: dict[ReaderKind, Lake] = {"plain": Lake(str(tmp_path / "plain")), "fast": Lake(str(tmp_path / "fast"))}
        plain, fast = (raw_of(kafka, list(topics), kind, lake, limits) for kind, lake in lakes.items())
        assert_frame_equal(plain, fast)
        positions = [
            [
                lake.open(RAW).position(f"kafka/{topic.topic_id}/{number}")
                for topic in KafkaConnection(kafka).topics(topics)
                for number in topic.partitions
            ]
            for lake in lakes.values()
        ]
        assert positions[0] == positions[1]
        return fast

    return read


Both = Callable[..., pl.DataFrame]
MakeTopic = Callable[..., str]


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read_with_keys_headers_and_nulls(kafka: str, topic: MakeTopic, both: Both, codec: Any):
    name = topic(3)
    producer = KafkaProducer(bootstrap_servers=kafka, compression_type=codec, linger_ms=20)
    for number in range(300):
        producer.send(
            name,
            key=None if number % 7 else f"key {number}".encode(),
            value=None if number % 14 == 0 else b"" if number % 11 == 0 else b"v" * (number * 13),
            headers=[("trace", bytes([number % 256])), ("é", b"")][: number % 3],
            timestamp_ms=1_700_000_000_000 + number,
            partition=number % 3,
        )
    producer.close()
    rows = both(name)
    assert rows.height == 300
    assert rows["partition"].n_unique() == 3


def test_aborted_records_and_markers_are_left_out_and_passed(
    topic: MakeTopic, both: Both, transactional: Callable[[str], Any]
):
    name = topic()
    for number, ends in enumerate(["commit", "abort", "commit", "abort"]):
        producer = transactional(f"{name}-{number}")
        for value in range(5):
            producer.send(name, f"{ends} {value}".encode())
        producer.flush()
        producer.commit_transaction() if ends == "commit" else producer.abort_transaction()
    rows = both(name)
    assert rows["value"].to_list() == [f"commit {value}".encode() for value in range(5)] * 2


def test_the_broker_s_own_time_is_taken_where_the_topic_says_so(topic: MakeTopic, both: Both, kafka: str):
    name = topic(configs={"message.timestamp.type": "LogAppendTime"})
    producer = KafkaProducer(bootstrap_servers=kafka)
    for number in range(5):
        producer.send(name, b"x", timestamp_ms=1_000 + number)
    producer.close()
    assert both(name)["kafka_time"].dt.year().min() > 2000  # type: ignore[operator]


def test_a_compacted_topic_is_read_with_the_gaps_inside_its_batches(topic: MakeTopic, both: Both, kafka: str):
    configs = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    name = topic(configs={**configs, "max.compaction.lag.ms": "100"})
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=1000)
    for number in range(200):
        producer.send(name, key=f"key {number if number % 3 else 0}".encode(), value=f"value {number}".encode())
    producer.flush()
    left: list[int] = []
    deadline = time.monotonic() + 600
    while len(left) != 134 and time.monotonic() < deadline:
        # A segment is compacted only when a newer one was begun.
        producer.send(name, key=str(time.monotonic()).encode(), value=b"later").get(120)
        time.sleep(0.5)
        left = [record.offset for record in polled(kafka, name) if record.value != b"later"]
    producer.close()
    rows = both(name).filter(pl.col("value") != b"later")
    assert rows["offset"].to_list() == [n for n in range(200) if n % 3 or n == 198]


def polled(kafka: str, name: str) -> list[Any]:
    """All records of partition 0, by the client's own poll."""
    consumer = KafkaConsumer(bootstrap_servers=kafka)
    try:
        consumer.assign([TopicPartition(name, 0)])
        consumer.seek_to_beginning()
        end = consumer.end_offsets([TopicPartition(name, 0)])[TopicPartition(name, 0)]
        records: list[Any] = []
        while (consumer.position(TopicPartition(name, 0)) or 0) < end:
            for found in consumer.poll(500).values():
                records += found
        return records
    finally:
        consumer.close()


@pytest.mark.parametrize("limits", [BatchLimits(rows=7, seconds=0.5), BatchLimits(bytes=400, seconds=0.5)])
def test_commits_may_cut_batches_anywhere(topic: MakeTopic, both: Both, kafka: str, limits: BatchLimits):
    name = topic(2)
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=50, compression_type="lz4")
    for number in range(60):
        producer.send(name, b"value %d" % number, partition=number % 2)
    producer.close()
    assert both(name, limits=limits).height == 60


def test_a_record_larger_than_a_fetch_is_read(topic: MakeTopic, both: Both, kafka: str):
    size = 9 * 1024 * 1024
    name = topic(configs={"max.message.bytes": str(2 * size)})
    big: Any = {"max_request_size": 2 * size}
    producer = KafkaProducer(bootstrap_servers=kafka, **big)
    for value in (b"small", b"x" * size, b"small"):
        producer.send(name, value)
    producer.close()
    assert both(name)["value"].bin.size().to_list() == [5, size, 5]


def test_a_seek_into_the_middle_of_a_batch_starts_there(topic: MakeTopic, kafka: str):
    name = topic()
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=100)
    for number in range(20):
        producer.send(name, b"%d" % number)
    producer.close()
    consumer = KafkaConnection(kafka).consumer()
    try:
        tp = TopicPartition(name, 0)
        consumer.assign([tp])
        consumer.seek(tp, 13)
        buffer = buffers(consumer, "fast")()
        while len(buffer) < 7:
            buffer.poll(500, 100, UNBOUNDED)
        assert buffer.frame({name: "id"})["offset"].to_list() == list(range(13, 20))
        assert consumer.position(tp) == 20
    finally:
        consumer.close(autocommit=False)


# Which reader is taken.


def test_the_installed_client_is_one_that_was_tested(kafka: str):
    consumer = KafkaConnection(kafka).consumer()
    try:
        assert fast_reader.unsupported(consumer) is None
    finally:
        consumer.close(autocommit=False)


def test_an_untested_client_is_read_by_plain_polls_with_a_word_in_the_log(
    kafka: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(tested_client, "TESTED", frozenset({"0.0"}))
    consumer = KafkaConnection(kafka).consumer()
    try:
        with caplog.at_level(logging.WARNING):
            assert type(buffers(consumer, "auto")()).__name__ == "RecordBuffer"
        assert "not one of the tested versions 0.0" in caplog.text
        with pytest.raises(FastReaderUnsupported, match=r"ingest\.reader"):
            buffers(consumer, "fast")
    finally:
        consumer.close(autocommit=False)


def test_a_changed_fetcher_is_noticed(kafka: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Fetcher.PartitionRecords, "take", lambda _self: [])
    consumer = KafkaConnection(kafka).consumer()
    try:
        assert fast_reader.unsupported(consumer) == "the fetcher's take has changed"
    finally:
        consumer.close(autocommit=False)
