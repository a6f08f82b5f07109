"""Cursors and outcomes of pulls, in a compacted Kafka topic.

The key of a record is `PULL/NAME` for a cursor and `PULL` for the outcome; the value is JSON. A record without a value
deletes the key. Cursors are written in the transaction of their payloads.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from kafka.structs import TopicPartition

from pipelines.ingest.connection import KafkaConnection
from schemas.errors import EmberlineError

CONFIGS: Final = {"cleanup.policy": "compact", "segment.ms": str(3_600_000), "min.cleanable.dirty.ratio": "0.1"}
"""Configuration of the topic: the newest value of each key is kept forever."""

TRANSACTION_S: Final = 60
"""Time after which the brokers abort the transaction of a dead process."""

_POLL_MS: Final = 200


class CursorsUnreadable(EmberlineError):
    """The topic of the cursors cannot be read to its end, or has a record that no puller wrote."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """Outcome of the rounds of a pull.

    Attributes:
        succeeded_at: When a round last read everything, UTC; None: never.
        failed_at: When a round failed, if none has succeeded since.
        error: Why it failed.
        gap: Newest sentence on data that is no longer available.
        gap_at: When that was found.
        started_at: When the pull first ran.
    """

    succeeded_at: dt.datetime | None = None
    failed_at: dt.datetime | None = None
    error: str | None = None
    gap: str | None = None
    gap_at: dt.datetime | None = None
    started_at: dt.datetime | None = None


@dataclass(frozen=True)
class Stored:
    """The records of a pull in the topic."""

    cursor: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)


def create_cursors(connection: KafkaConnection, topic: str) -> None:
    """Create the topic if it is missing."""
    connection.create_topics([topic], 1, CONFIGS)


def read_cursors(
    connection: KafkaConnection, topic: str, *, is_whole: bool = True, on_wait: Callable[[], None] = lambda: None
) -> dict[str, Stored]:
    """Read all cursors and outcomes by pull; none if the topic does not exist.

    Args:
        connection: The brokers.
        topic: Topic of the cursors.
        is_whole: Whether to wait for transactions that are open at the start.
        on_wait: Called once if an open transaction has to end first.

    Raises:
        CursorsUnreadable: A transaction stays open, or a value was not written by a pull.
    """
    topics = connection.topics([topic])
    if not topics:
        return {}
    with connection.translate_errors():
        consumer = connection.consumer()
        try:
            partitions = [TopicPartition(topic, number) for one in topics for number in one.partitions]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = connection.log_ends(topics) if is_whole else consumer.end_offsets(partitions)
            values: dict[str, Any] = {}
            deadline, is_told = time.monotonic() + 2 * TRANSACTION_S, False
            while any((consumer.position(partition) or 0) < end for partition, end in ends.items()):
                found = consumer.poll(timeout_ms=_POLL_MS)
                for records in found.values():
                    values.update((_text(record.key), record.value) for record in records)
                if not found and not is_told:
                    is_told = True
                    on_wait()
                if time.monotonic() > deadline:
                    raise CursorsUnreadable(
                        f"Topic {topic} cannot be read to its end: a transaction stays open.",
                        "Abort it with kafka-transactions.sh, then pull again.",
                    )
        finally:
            consumer.close(autocommit=False)
    return _by_pull(topic, values)


def key_of(pull: str, name: str | None = None) -> bytes:
    """Return the key of a named cursor, or of the outcome."""
    return (pull if name is None else f"{pull}/{name}").encode()


def _text(key: bytes | None) -> str:
    return (key or b"").decode(errors="replace")


def _by_pull(topic: str, values: Mapping[str, bytes | None]) -> dict[str, Stored]:
    cursors: dict[str, dict[str, Any]] = {}
    outcomes: dict[str, Outcome] = {}
    for key, value in values.items():
        if value is None:
            continue
        pull, is_name, name = key.partition("/")
        try:
            if is_name:
                cursors.setdefault(pull, {})[name] = msgspec.json.decode(value)
            else:
                outcomes[pull] = msgspec.json.decode(value, type=Outcome)
        except msgspec.DecodeError as error:
            raise CursorsUnreadable(
                f"Topic {topic} has a record with key {key!r} that no pull wrote: {error}.",
                "Let nothing else write there; to delete the record, write one with this key and no value.",
            ) from error
    return {
        pull: Stored(cursors.get(pull, {}), outcomes.get(pull, Outcome())) for pull in sorted({*cursors, *outcomes})
    }
