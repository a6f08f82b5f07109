"""How far the lake is behind Kafka."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from kafka import KafkaConsumer
from kafka.errors import OffsetOutOfRangeError
from kafka.structs import TopicPartition

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.raw import app_id
from pipelines.lake import Lake
from pipelines.operations.backlog import Backlog
from schemas.lake import RAW

_FIRST_RECORD_MS = 2_000


@dataclass(frozen=True)
class PartitionLag:
    """Offsets `[position, end)` of a partition are unread; `end` is the last stable offset."""

    topic: str
    partition: int
    position: int
    end: int

    @property
    def records(self) -> int:
        """Unread offsets, transaction markers among them."""
        return max(0, self.end - self.position)


def partition_lags(connection: KafkaConnection, lake: Lake, topic_names: Iterable[str]) -> list[PartitionLag]:
    """The lag of every partition of the topics that exist, by topic and partition."""
    consumer = connection.consumer()
    try:
        return _lags(consumer, connection, lake, topic_names)
    finally:
        consumer.close(autocommit=False)


def backlog(connection: KafkaConnection, lake: Lake, topic_names: Iterable[str]) -> Backlog:
    """All that is unread, and since when: the time of the oldest first unread record of the partitions."""
    consumer = connection.consumer()
    try:
        lags = [lag for lag in _lags(consumer, connection, lake, topic_names) if lag.records]
        times = [time for lag in lags if (time := _first_time(consumer, lag)) is not None]
        return Backlog(sum(lag.records for lag in lags), min(times, default=None))
    finally:
        consumer.close(autocommit=False)


def _lags(
    consumer: KafkaConsumer, connection: KafkaConnection, lake: Lake, topic_names: Iterable[str]
) -> list[PartitionLag]:
    topics = connection.topics(topic_names)
    partitions = [TopicPartition(topic.name, number) for topic in topics for number in topic.partitions]
    if not partitions:
        return []
    ids = {topic.name: topic.topic_id for topic in topics}
    beginnings, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    handle = lake.open(RAW)
    lags = []
    for tp in partitions:
        saved = handle.position(app_id(ids[tp.topic], tp.partition))
        lags.append(PartitionLag(tp.topic, tp.partition, beginnings[tp] if saved is None else saved, ends[tp]))
    return lags


def _first_time(consumer: KafkaConsumer, lag: PartitionLag) -> dt.datetime | None:
    tp = TopicPartition(lag.topic, lag.partition)
    consumer.assign([tp])
    consumer.seek(tp, lag.position)
    try:
        polled = consumer.poll(timeout_ms=_FIRST_RECORD_MS, max_records=1)
    except OffsetOutOfRangeError:
        return None  # retention was faster; what to do about it is for a run to say
    records = polled.get(tp, [])
    if not records or records[0].timestamp < 0:
        return None
    return dt.datetime.fromtimestamp(records[0].timestamp / 1000, dt.UTC)
