"""The lag of the lake behind Kafka."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaConsumer
from kafka.errors import OffsetOutOfRangeError
from kafka.structs import TopicPartition

from pipelines.ingest.connection import Isolation, KafkaConnection
from pipelines.ingest.feeds import app_id, undecoded_offsets
from pipelines.inputs import input_id, recorded_input
from pipelines.lake import Lake
from pipelines.operations.backlog import Backlog
from schemas.lake import EVENTS, IDENTITY, IDENTITY_RULING, QUARANTINE_RULING, RAW

_FIRST_RECORD_MS = 2_000


@dataclass(frozen=True)
class PartitionLag:
    """Offsets `[position, end)` of a partition are unread; `end` is the last stable offset.

    `held_back` offsets from `end` on are blocked by a transaction open since `held_since`, the timestamp of its first
    record (UTC; None if nothing is blocked or the time is unknown).
    """

    topic: str
    partition: int
    position: int
    end: int
    held_back: int = 0
    held_since: dt.datetime | None = None

    @property
    def records(self) -> int:
        """Number of unread offsets, including transaction markers."""
        return max(0, self.end - self.position)


def partition_lags(connection: KafkaConnection, lake: Lake, topic_names: Iterable[str]) -> list[PartitionLag]:
    """Return the lag of every partition of existing topics, by topic and partition; no table is created."""
    with _consumer(connection) as consumer:
        return _lags(consumer, connection, lake, topic_names)


def backlog(connection: KafkaConnection, lake: Lake, topic_names: Iterable[str]) -> Backlog:
    """Return the backlog in Kafka and in `raw`, and the time of the oldest unread record of any partition.

    No table of the lake is created.
    """
    with _consumer(connection) as consumer:
        lags = [lag for lag in _lags(consumer, connection, lake, topic_names) if lag.records]
        times = [
            time
            for lag in lags
            if (time := _time_at(consumer, TopicPartition(lag.topic, lag.partition), lag.position)) is not None
        ]
        records = sum(lag.records for lag in lags) + undecoded_offsets(lake)
        return Backlog(records, min(times, default=None), rulings_waiting(lake))


def rulings_waiting(lake: Lake) -> int:
    """Return how many rulings of people, on events and links, are not applied yet."""
    waiting = 0
    for rulings, follower in ((QUARANTINE_RULING, EVENTS), (IDENTITY_RULING, IDENTITY)):
        # Read before the log, so that rulings made in between count as waiting.
        following = lake.find(follower)
        followed = following and recorded_input(following, input_id(rulings.name))
        ruled = lake.find(rulings)
        waiting += max(0, (ruled.content if ruled else 0) - (followed or 0))
    return waiting


@contextmanager
def _consumer(connection: KafkaConnection, isolation_level: Isolation = "read_committed") -> Iterator[KafkaConsumer]:
    with connection.translate_errors():
        consumer = connection.consumer(isolation_level)
        try:
            yield consumer
        finally:
            consumer.close(autocommit=False)


def _lags(
    consumer: KafkaConsumer, connection: KafkaConnection, lake: Lake, topic_names: Iterable[str]
) -> list[PartitionLag]:
    with connection.directory() as directory:
        topics = directory.topics(topic_names)
        partitions = [TopicPartition(topic.name, number) for topic in topics for number in topic.partitions]
        if not partitions:
            return []
        # Before the stable ends: a transaction that ends in between must not look as if it blocked records.
        log_ends = directory.log_ends(topics)
    ids = {topic.name: topic.topic_id for topic in topics}
    beginnings, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    raw = lake.find(RAW)
    held = {tp: end for tp, end in ends.items() if end < log_ends[tp]}
    since = _open_since(connection, held)
    lags = []
    for tp in partitions:
        saved = None if raw is None else raw.position(app_id(ids[tp.topic], tp.partition))
        position = beginnings[tp] if saved is None else saved
        held_back = max(0, log_ends[tp] - ends[tp])
        lags.append(PartitionLag(tp.topic, tp.partition, position, ends[tp], held_back, since.get(tp)))
    return lags


def _open_since(
    connection: KafkaConnection, stable_ends: dict[TopicPartition, int]
) -> dict[TopicPartition, dt.datetime | None]:
    """Return when the oldest open transactions began: their first records are at the last stable offsets."""
    if not stable_ends:
        return {}
    with _consumer(connection, "read_uncommitted") as consumer:
        return {tp: _time_at(consumer, tp, offset) for tp, offset in stable_ends.items()}


def _time_at(consumer: KafkaConsumer, tp: TopicPartition, offset: int) -> dt.datetime | None:
    """Return the Kafka timestamp of the first record from an offset on."""
    consumer.assign([tp])
    consumer.seek(tp, offset)
    try:
        polled = consumer.poll(timeout_ms=_FIRST_RECORD_MS, max_records=1)
    except OffsetOutOfRangeError:
        return None  # retention was faster; the next run reports the gap
    records = polled.get(tp, [])
    if not records or records[0].timestamp < 0:
        return None
    return dt.datetime.fromtimestamp(records[0].timestamp / 1000, dt.UTC)
