"""Send records of many concurrent requests to Kafka; each waits only until all replicas acknowledged its own record.

A request hands over one record and waits. A thread passes the waiting records to the client, so that batches grow with
the load. The queue is bounded: if it is full, or the brokers are down, a request fails at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from pipelines.ingest.connection import KafkaConnection
from schemas.errors import EmberlineError

_KEY_BYTES: Final = 16
_CONNECTED_AGAIN_AFTER_S: Final = 1.0
_CLIENT_LINGER_MS: Final = 1
_CLIENT_BLOCKS_S: Final = 5.0
_CLIENT_TRIES_S: Final = 15.0
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)

Headers = tuple[tuple[str, bytes], ...]
Prepare = Callable[[list[bytes]], Sequence[bytes]]
"""Converts values to the values to produce, one to one; see `Lane`."""


class NotTaken(EmberlineError):
    """A record may not be in Kafka: the brokers are down or the queue is full. The sender must send it again."""


class TooLarge(EmberlineError):
    """The record is larger than Kafka accepts."""


class NotPrepared(EmberlineError):
    """A value could not be converted to the value to produce."""


@dataclass(frozen=True)
class Lane:
    """A topic, and the conversion of values before they are produced there."""

    topic: str
    prepare: Prepare = list


@dataclass(frozen=True)
class Bounds:
    """Limits of the queue.

    Attributes:
        records: Most unacknowledged records.
        bytes: Most bytes of their values.
        seconds: Longest wait for an acknowledgement before `NotTaken` is raised.
        linger_s: How long a batch waits for more records.
    """

    records: int = 10_000
    bytes: int = 64 * 1024 * 1024
    seconds: float = 4.0
    linger_s: float = 0.003


@dataclass(eq=False)
class _Record:
    lane: Lane
    value: bytes
    headers: Headers
    done: asyncio.Future[None]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.value)


class AcknowledgedSender:
    """Sends records of coroutines of one event loop through one producer, in a thread of its own.

    After a failure the client is replaced: a producer that was fenced does not recover by itself. Its other records
    count as sent only once they are acknowledged.
    """

    def __init__(self, kafka: KafkaConnection, bounds: Bounds | None = None) -> None:
        """Set the sender up; `connect` and `start` begin."""
        self._kafka, self._bounds = kafka, bounds or Bounds()
        self._lock, self._woken = threading.Lock(), threading.Event()
        self._pending: list[_Record] = []
        self._settled: list[tuple[_Record, Exception | None]] = []
        self._unsettled: dict[_Record, float] = {}
        self._bytes = 0
        self._producer: KafkaProducer | None = None
        self._is_broken = self._is_ending = False
        self._thread = threading.Thread(target=self._work, name="acknowledged-sender", daemon=True)

    def connect(self) -> None:
        """Connect to the brokers.

        Raises:
            KafkaUnreachable, KafkaRefused, KafkaHungUp: See `KafkaConnection.translate_errors`.
        """
        self._producer = self._connected()

    def start(self) -> None:
        """Start sending for the coroutines of the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Send the waiting records, then stop."""
        self._is_ending = True
        self._woken.set()
        await asyncio.to_thread(self._thread.join)

    @property
    def waiting(self) -> int:
        """Number of unacknowledged records."""
        return len(self._unsettled)

    @property
    def is_ready(self) -> bool:
        """Whether the brokers acknowledged within the longest wait of a record."""
        oldest = next(iter(self._unsettled.values()), None)
        is_late = oldest is not None and time.monotonic() - oldest > self._bounds.seconds
        return self._producer is not None and not self._is_broken and not is_late

    async def send(self, lane: Lane, value: bytes, headers: Headers = ()) -> None:
        """Send a record, and return once all replicas have it.

        Raises:
            NotTaken: The record may or may not be in Kafka; sent again, it counts once.
            TooLarge: It is larger than Kafka accepts.
            NotPrepared: It could not be converted.
        """
        if not self.is_ready:
            raise NotTaken("Kafka does not acknowledge.", "Send it again later.")
        if len(self._unsettled) >= self._bounds.records or self._bytes + len(value) > self._bounds.bytes:
            raise NotTaken("Too many records wait for Kafka.", "Send it again later.")
        record = _Record(lane, value, headers, self._loop.create_future())
        self._unsettled[record] = time.monotonic()
        self._bytes += record.size
        with self._lock:
            self._pending.append(record)
        self._woken.set()
        try:
            await asyncio.wait_for(record.done, self._bounds.seconds)
        except TimeoutError:
            raise NotTaken("Kafka did not acknowledge in time.", "Send it again later.") from None

    def _connected(self) -> KafkaProducer:
        return self._kafka.producer(
            linger_ms=_CLIENT_LINGER_MS,
            max_block_ms=int(_CLIENT_BLOCKS_S * 1000),
            request_timeout_ms=int(_CLIENT_TRIES_S * 500),
            delivery_timeout_ms=int(_CLIENT_TRIES_S * 1000),
        )

    def _work(self) -> None:
        while True:
            self._woken.wait(None if self._is_connected else _CONNECTED_AGAIN_AFTER_S)
            self._woken.clear()
            if not self._is_ending:
                time.sleep(self._bounds.linger_s)
            with self._lock:
                batch, self._pending = self._pending, []
            self._see_connected()
            self._send(batch)
            if self._is_ending and not batch:
                break
            if self._is_ending:
                self._woken.set()
        if self._producer is not None:
            _closed(self._producer)

    @property
    def _is_connected(self) -> bool:
        return self._producer is not None and not self._is_broken

    def _see_connected(self) -> None:
        if self._is_connected:
            return
        if self._producer is not None:
            # Its records in flight are settled when they end; the others need not wait for that.
            threading.Thread(target=_closed, args=(self._producer,), daemon=True).start()
            self._producer = None
        try:
            self._producer = self._connected()
            self._is_broken = False
        except EmberlineError:
            return

    def _send(self, batch: list[_Record]) -> None:
        for lane, records in groupby(sorted(batch, key=lambda one: one.lane.topic), key=lambda one: one.lane):
            # Senders that no longer wait got `NotTaken` and send the record again.
            awaited = [record for record in records if self._is_awaited(record)]
            for record, value in zip(awaited, self._prepared(lane, awaited), strict=True):
                if value is not None:
                    self._hand_over(record, value)

    def _is_awaited(self, record: _Record) -> bool:
        if record.done.done():
            self._settle(record, None)
            return False
        return True

    def _prepared(self, lane: Lane, records: list[_Record]) -> Sequence[bytes | None]:
        try:
            return lane.prepare([record.value for record in records])
        except Exception:
            # One record that cannot be converted must not fail the others.
            return [self._prepared_alone(record) for record in records]

    def _prepared_alone(self, record: _Record) -> bytes | None:
        try:
            (value,) = record.lane.prepare([record.value])
        except Exception as error:
            self._settle(record, NotPrepared(f"{type(error).__name__}: {error}", "Report it: it is a defect."))
            return None
        return value

    def _hand_over(self, record: _Record, value: bytes) -> None:
        producer = self._producer
        if producer is None:
            self._settle(record, NotTaken("Kafka is away.", "Send it again later."))
            return
        try:
            sent = producer.send(record.lane.topic, value, key_of(value), list(record.headers))
        except Exception as error:  # any error: the thread must continue for the other records
            self._failed(record, producer, error)
        else:
            sent.add_callback(lambda _: self._settle(record, None))
            sent.add_errback(lambda error: self._failed(record, producer, error))

    def _failed(self, record: _Record, producer: KafkaProducer, error: Exception) -> None:
        if isinstance(error, _TOO_LARGE):
            self._settle(record, TooLarge("The record is larger than Kafka accepts.", "Shorten it."))
            return
        if producer is self._producer:
            self._is_broken = True
        self._settle(record, NotTaken(f"Kafka did not accept it: {error}", "Send it again later."))
        self._woken.set()

    def _settle(self, record: _Record, error: Exception | None) -> None:
        """Pass the result of a record to the event loop, which is woken once for many records."""
        with self._lock:
            self._settled.append((record, error))
            is_first = len(self._settled) == 1
        if is_first:
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        with self._lock:
            settled, self._settled = self._settled, []
        for record, error in settled:
            if self._unsettled.pop(record, None) is not None:
                self._bytes -= record.size
            if record.done.done():
                continue
            if error is None:
                record.done.set_result(None)
            else:
                record.done.set_exception(error)


def _closed(producer: KafkaProducer) -> None:
    with suppress(KafkaError):
        producer.close(timeout=2 * _CLIENT_TRIES_S)


def key_of(value: bytes) -> bytes:
    """Return the key of a record: a hash of its value, so that repeated deliveries share a partition."""
    return hashlib.blake2b(value, digest_size=_KEY_BYTES).digest()
