"""Commit payloads and their cursor in one Kafka transaction."""

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
"""Most bytes of a payload with headers; the brokers' default limit is slightly higher."""

_FENCED: Final = (ProducerFencedError, InvalidProducerEpochError)
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
_DELIVERED_WITHIN_S: Final = 45
"""Shorter than the longest transaction."""


class PulledElsewhere(EmberlineError):
    """Another process has started to read the same pull."""


class NotCommitted(EmberlineError):
    """The payloads may not be in Kafka; they are pulled again."""


class PayloadTooLarge(EmberlineError):
    """The payload is larger than the brokers accept."""


Record = tuple[bytes, Headers]


class Commits:
    """The transactions of one pull. Only the process that opened it last can commit.

    Attributes:
        stored: The committed cursor and the outcome of the last rounds.
    """

    def __init__(
        self, kafka: KafkaConnection, producer: KafkaProducer, pull: str, topics: tuple[str, str], stored: Stored
    ) -> None:
        """Take an initialised transactional producer; `topics` are those of the payloads and of the cursors."""
        self._kafka, self._producer, self._pull = kafka, producer, pull
        self._topic, self._cursor_topic = topics
        self.stored = stored

    def commit(self, records: Sequence[Record], cursor: Cursor, outcome: Outcome | None = None) -> None:
        """Send records, changes of the cursor, and the outcome, all or nothing.

        Raises:
            PulledElsewhere, PayloadTooLarge, NotCommitted, KafkaUnreachable, KafkaRefused: Nothing was committed, or
                the result is unknown; start again from the stored cursor.
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
    """Open the transactions of a pull: abort what another process left open, then read the committed cursor.

    Args:
        kafka: The brokers.
        pull: Name of the pull.
        topic: Existing topic of the payloads.
        group: Distinguishes installations that share brokers.
        cursor_topic: Topic of the cursors; created if it is missing.

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
            producer.close(timeout=5)  # an uncommitted transaction is aborted


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
        with kafka.translate_errors():
            yield
    except _TOO_LARGE as error:
        raise PayloadTooLarge(
            f"A payload of {pull} is larger than the brokers accept.",
            f"Let the topic accept {MOST_BYTES:,} bytes: max.message.bytes.",
        ) from error
    except KafkaError as error:
        # Requests after fencing fail with an error that only names the state.
        if any(isinstance(one, _FENCED) for one in (error, *error.args)):
            raise PulledElsewhere(
                f"Another process has started to pull {pull}.",
                "Use only one of these: emberline up, emberline pull --watch, or emberline pull by a schedule.",
            ) from error
        raise NotCommitted(
            f"Kafka did not accept the payloads of {pull} ({error}).",
            "Nothing is lost: pull again once the brokers answer.",
        ) from error
