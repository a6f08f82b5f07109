"""Payloads and the cursor that stands for them, in one transaction of Kafka."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import msgspec
from kafka import KafkaProducer
from kafka.errors import (
    InvalidProducerEpochError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFencedError,
    RecordListTooLargeError,
)

from pipelines.carriers.pullers.base import Cursor, Headers
from pipelines.ingest.acknowledged import key_of as key_of_value
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.pulling.cursors import TRANSACTION_S, Outcome, Stored, create_cursors, key_of, read_cursors
from schemas.errors import EmberlineError

MOST_BYTES: Final = 1_000_000
"""Of a payload with its headers; the brokers' usual limit is a little above."""

_FENCED: Final = (ProducerFencedError, InvalidProducerEpochError)
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
_DELIVERED_WITHIN_S: Final = 45
"""Less than a transaction may last."""


class PulledElsewhere(EmberlineError):
    """Another process has begun to read the same API under the same name."""


class NotCommitted(EmberlineError):
    """What was brought is not known to be in Kafka; it is brought again."""


class PayloadTooLarge(EmberlineError):
    """The brokers take no record of this size."""


Record = tuple[bytes, Headers]


class Commits:
    """The transactions of one pull. Whoever opens it last is the only one who can commit.

    Attributes:
        stored: What was committed: the cursor, and how the last rounds ended.
    """

    def __init__(
        self, kafka: KafkaConnection, producer: KafkaProducer, pull: str, topics: tuple[str, str], stored: Stored
    ) -> None:
        """Take a producer whose transactions are open to it; `topics` are that of the payloads and of the cursors."""
        self._kafka, self._producer, self._pull = kafka, producer, pull
        self._topic, self._cursor_topic = topics
        self.stored = stored

    def commit(self, records: Sequence[Record], cursor: Cursor, outcome: Outcome | None = None) -> None:
        """Send records, what changed of the cursor, and the outcome, all or nothing.

        Raises:
            PulledElsewhere, PayloadTooLarge, NotCommitted, KafkaUnreachable, KafkaRefused: Nothing was committed, or it
                is not known; begin again with what is stored.
        """
        changes = _changes(self._pull, self.stored.cursor, cursor)
        written = self.stored.outcome if outcome is None else outcome
        if written != self.stored.outcome:
            changes[key_of(self._pull)] = msgspec.json.encode(written)
        if not (records or changes):
            return
        with _errors_named(self._kafka, self._pull):
            self._producer.begin_transaction()
            try:
                self._send(records, changes)
            except BaseException:
                with suppress(KafkaError):
                    self._producer.abort_transaction()
                raise
            self._producer.commit_transaction()
        self.stored = Stored(dict(cursor), written)

    def _send(self, records: Sequence[Record], changes: Mapping[bytes, bytes | None]) -> None:
        send = self._producer.send
        sent = [send(self._topic, value, key_of_value(value), list(headers)) for value, headers in records]
        sent += [send(self._cursor_topic, value, key) for key, value in changes.items()]
        self._producer.flush()
        for future in sent:
            future.get(timeout=_DELIVERED_WITHIN_S)


@contextmanager
def commits(kafka: KafkaConnection, pull: str, topic: str, group: str, cursor_topic: str) -> Iterator[Commits]:
    """Open the transactions of a pull: end what another process left open, then read what is committed.

    Args:
        kafka: the brokers.
        pull: its name.
        topic: of the payloads; it exists.
        group: tells installations that share brokers apart.
        cursor_topic: of the cursors; created where it is missing.

    Raises:
        KafkaRefused: This user may not begin transactions.
    """
    create_cursors(kafka, cursor_topic)
    options: dict[str, Any] = {
        "transactional_id": f"{group}.pull.{pull}",
        "transaction_timeout_ms": TRANSACTION_S * 1000,
        "delivery_timeout_ms": _DELIVERED_WITHIN_S * 1000,
        "request_timeout_ms": _DELIVERED_WITHIN_S * 500,
        "linger_ms": 5,
    }
    producer = kafka.producer(**options)
    try:
        with _errors_named(kafka, pull):
            producer.init_transactions()
        stored = read_cursors(kafka, cursor_topic).get(pull, Stored())
        yield Commits(kafka, producer, pull, (topic, cursor_topic), stored)
    finally:
        with suppress(KafkaError):
            producer.close(timeout=5)  # what was begun and not committed is aborted


def _changes(pull: str, before: Cursor, after: Cursor) -> dict[bytes, bytes | None]:
    changed: dict[bytes, bytes | None] = {
        key_of(pull, name): msgspec.json.encode(value)
        for name, value in after.items()
        if name not in before or before[name] != value
    }
    return changed | {key_of(pull, name): None for name in before if name not in after}


@contextmanager
def _errors_named(kafka: KafkaConnection, pull: str) -> Iterator[None]:
    try:
        with kafka.errors_told():
            yield
    except _TOO_LARGE as error:
        raise PayloadTooLarge(
            f"The brokers take no record as large as one that {pull} brings.",
            f"Let the topic take {MOST_BYTES:,} bytes: max.message.bytes.",
        ) from error
    except KafkaError as error:
        # A request after the one that was fenced fails with an error that only names that.
        if any(isinstance(one, _FENCED) for one in (error, *error.args)):
            raise PulledElsewhere(
                f"Another process has begun to pull {pull}.",
                "Let only one do so: emberline up, emberline pull --watch, or emberline pull by a schedule.",
            ) from error
        raise NotCommitted(
            f"Kafka did not take what {pull} brings ({error}).", "Nothing is lost: pull again once the brokers answer."
        ) from error
