"""What has to hold after every fault, told by readers that share no code with the pipeline."""

from __future__ import annotations

from typing import Any

import polars as pl
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from pipelines.carriers import CARRIERS
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import Counts, stored_counts
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.kafka_to_events import ingest
from pipelines.ingest.tolerance import USUAL, Tolerance
from pipelines.lake import Lake
from schemas.lake import EVENTS, IGNORED, QUARANTINE, RAW
from tests.pipelines.canonical import RULES, land
from tests.pipelines.canonical import ingest as decode_landed

Record = tuple[str, int, int, bytes | None]
"""Topic id, partition, offset, value."""

QUICK = BatchLimits(seconds=0.5, stall_seconds=300)


def drain(connection: KafkaConnection, lake: Lake, *topics: str, tolerance: Tolerance = USUAL) -> Counts:
    """Bring canonical events from Kafka into `raw`, then into `events` and `quarantine`."""
    return ingest(connection, lake, dict.fromkeys(topics, CARRIERS["cloudevents"]), QUICK, RULES, tolerance).events


def in_raw(lake: Lake) -> list[Record]:
    """Every row of `raw`, doubles too, in order."""
    rows = lake.open(RAW).scan().select("topic_id", "partition", "offset", "value").collect().rows()
    return sorted(rows, key=lambda row: row[:3])


def in_kafka(connection: KafkaConnection, *topics: str) -> list[Record]:
    """Every committed record that a plain consumer is given, in order."""
    found: list[Record] = []
    ids = {topic.name: topic.topic_id for topic in connection.topics(topics)}
    options: dict[str, Any] = {
        "bootstrap_servers": connection.bootstrap_servers,
        "group_id": None,
        "isolation_level": "read_committed",
        "max_partition_fetch_bytes": 16 * 1024 * 1024,
    }
    consumer: Any = KafkaConsumer(**options, **connection.options)
    partitions = [TopicPartition(name, number) for name in ids for number in consumer.partitions_for_topic(name)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for records in consumer.poll(timeout_ms=500).values():
            found += [(ids[record.topic], record.partition, record.offset, record.value) for record in records]
    consumer.close()
    return sorted(found, key=lambda row: row[:3])


def assert_each_record_once(connection: KafkaConnection, lake: Lake, *topics: str) -> None:
    """`raw` holds what Kafka holds: nothing less, nothing twice."""
    assert in_raw(lake) == in_kafka(connection, *topics)


def assert_each_record_accounted_for(lake: Lake) -> None:
    """`events`, `quarantine` and `ignored` are those of a lake that decodes the same records all at once."""
    counts = stored_counts(lake)
    assert counts.raw == lake.open(RAW).scan().select(pl.len()).collect().item()
    assert counts.unaccounted == 0
    anew = Lake(f"{lake.uri}-anew")
    raw = lake.open(RAW).scan().collect()
    land(anew, raw)
    decode_landed(anew, carriers=dict.fromkeys(raw["topic"].unique(), CARRIERS["cloudevents"]))
    for table in (EVENTS, QUARANTINE, IGNORED):
        found, expected = (
            place.open(table).scan().drop("batch").sort(table.key).collect().to_dicts() for place in (lake, anew)
        )
        assert found == expected
