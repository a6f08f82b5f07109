"""Send records to Kafka idempotently, acknowledged by all replicas, in whole batches or one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import polars as pl
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.tested_client import untested
from schemas.errors import EmberlineError

_GRACE_S: Final = 30.0
"""Longer than the client's delivery timeout, so that the client reports its error first."""

_FRAME_BYTES: Final = 128
"""Upper bound of the bytes that the client adds to key and value of a single record."""


class ProduceFailed(EmberlineError):
    """Kafka did not accept all records."""


class RecordTooLarge(ProduceFailed):
    """A record is larger than Kafka accepts; `row` is its place among those sent."""

    def __init__(self, row: int, size: int, topic: str) -> None:
        self.row, self.size, self.topic = row, size, topic
        super().__init__(
            f"A record of {size:,} bytes is larger than Kafka accepts in topic {topic}.",
            "Shorten or remove the record, then send the file again: events that arrived twice count once.",
            f"record {row + 1}",
        )

    def at(self, row: int) -> RecordTooLarge:
        """Return the same error with another place."""
        return RecordTooLarge(row, self.size, self.topic)


class Sending:
    """Records of a topic in flight."""

    def __init__(
        self, topic: str, values: pl.Series, failures: Iterator[tuple[int, Exception]], n_sent: int | None = None
    ) -> None:
        """Take the values and a function that returns the failures; records after a too large one are not sent."""
        self._topic = topic
        self._values = values
        self._failures = failures
        self._n_sent = n_sent

    def acknowledged(self) -> int:
        """Wait until all are acknowledged; return their number.

        Raises:
            RecordTooLarge: A record is larger than Kafka accepts.
            ProduceFailed: A record was not acknowledged.
        """
        with _failures_told():
            failed = min(self._failures, key=lambda failure: failure[0], default=None)
            if failed is not None and not isinstance(failed[1], MessageSizeTooLargeError):
                raise failed[1]
        row = self._n_sent if failed is None else failed[0]
        if row is not None:
            raise RecordTooLarge(row, len(self._values[row] or b""), self._topic)
        return len(self._values)


Send = Callable[[str, pl.Series, pl.Series], Sending]
"""Sends keys and values (Binary, null allowed) to a topic in order."""


@contextmanager
def sender(connection: KafkaConnection, *, whole: bool | None = None) -> Iterator[Send]:
    """Open a sender of records; at the end of the context, none is in flight.

    Args:
        connection: The brokers.
        whole: Whether to write whole batches here or records by the client; None: whole if the client is tested.
    """
    producer = connection.producer()
    try:
        if whole or (whole is None and untested() is None):
            yield _whole_batches(producer)
        else:
            yield lambda topic, keys, values: _one_by_one(producer, topic, keys, values)
    finally:
        producer.close()


def _whole_batches(producer: KafkaProducer) -> Send:
    # Imported here: loading the compiler takes longer than most commands.
    from pipelines.ingest.batch_sender import BatchSender
    from pipelines.ingest.record_writer import Bytes, batches, partitions

    batch_sender, chance = BatchSender(producer), np.random.default_rng()

    def send(topic: str, keys: pl.Series, values: pl.Series) -> Sending:
        if not len(values):
            return Sending(topic, values, iter(()))
        with _failures_told():
            n_partitions = len(producer.partitions_for(topic))
        found, given = Bytes.of(keys), Bytes.of(values)
        sizes = np.maximum(found.lengths, 0) + np.maximum(given.lengths, 0)
        too_large = np.flatnonzero(sizes > producer.config["max_request_size"] - _FRAME_BYTES)
        n_sent = int(too_large[0]) if len(too_large) else None
        places = partitions(found, n_partitions, chance)[:n_sent]
        sent = [
            batch_sender.send(topic, batch)
            for batch in batches(found, given, places, n_partitions, batch_sender.most_bytes)
        ]
        deadline = _deadline(producer)
        return Sending(topic, values, (failure for one in sent for failure in one.failures(deadline)), n_sent)

    return send


def _one_by_one(producer: KafkaProducer, topic: str, keys: pl.Series, values: pl.Series) -> Sending:
    sent: list[Any] = []
    n_sent = None
    with _failures_told():
        try:
            for key, value in zip(keys, values, strict=True):
                sent.append(producer.send(topic, key=key, value=value))
        except MessageSizeTooLargeError:
            n_sent = len(sent)
    return Sending(topic, values, _failures_of(sent, _deadline(producer)), n_sent)


def _failures_of(sent: list[Any], deadline: float) -> Iterator[tuple[int, Exception]]:
    for row, future in enumerate(sent):
        try:
            future.get(timeout=max(0.0, deadline - time.monotonic()))
        except KafkaError as error:
            yield row, error


def _deadline(producer: KafkaProducer) -> float:
    return time.monotonic() + producer.config["delivery_timeout_ms"] / 1000 + _GRACE_S


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise ProduceFailed(
            f"Kafka did not accept all records ({error}).",
            "Send the file again: events that arrived twice count once. If it fails again, check that no record is "
            "larger than the topic's max.message.bytes.",
        ) from error
