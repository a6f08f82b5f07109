"""Send whole batches of records through kafka-python, without its Python object per record.

Sequence numbers, acknowledgements, retries, compression, checksums and the splitting of batches that are too large stay
with the client's sender, which gets batches written by `record_writer`. This is the only module that depends on
internals of the client's producer: see docs/dependencies.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

import numpy as np
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.structs import TopicPartition
from numpy.typing import NDArray

from pipelines.ingest.record_writer import Batch

_FORMAT_V2: Final = 2
_CHECKED_EVERY_S: Final = 0.1


class BatchSender:
    """Hands batches to a producer, whose settings (acknowledgements, retries, compression, sizes) apply."""

    def __init__(self, producer: KafkaProducer) -> None:
        inside = vars(producer)
        self._accumulator: Any = inside["_accumulator"]
        self._sender: Any = inside["_sender"]

    @property
    def most_bytes(self) -> int:
        """Most bytes of a batch before compression."""
        return self._accumulator.config["batch_size"]

    def send(self, topic: str, batch: Batch) -> Sent:
        """Queue a batch behind the earlier ones of its partition."""
        partition = TopicPartition(topic, batch.partition)
        records: Any = MemoryRecordsBuilder(_FORMAT_V2, self._accumulator.config["compression_attrs"], self.most_bytes)
        inside = records._builder
        inside._buffer += batch.records
        inside._first_timestamp = inside._max_timestamp = int(time.time() * 1000)
        inside._num_records = len(batch.rows)
        inside._last_offset = len(batch.rows) - 1
        records.skip(len(batch.rows))
        whole: Any = ProducerBatch(partition, records)
        whole.max_record_size = len(batch.records)  # upper bound of its largest record, for the client's metrics
        sent = Sent(whole.produce_future, batch.rows)
        whole._record_futures = _Records(sent, whole.produce_future, batch.rows)
        with self._accumulator._tp_lock(partition):
            self._accumulator._batches[partition].append(whole)
            self._accumulator._incomplete.add(whole)
        self._sender.wakeup()
        return sent


@dataclass
class _Part:
    """Rows that share an acknowledgement."""

    future: Any
    rows: list[int]


class Sent:
    """The records of a batch in flight. The client may split it into smaller batches."""

    def __init__(self, future: Any, rows: NDArray[np.int64]) -> None:
        self._parts = [_Part(future, rows.tolist())]
        self._lock = threading.Lock()

    def failures(self, deadline: float) -> Iterator[tuple[int, Exception]]:
        """Wait for all results; return the row and error of each record that was not acknowledged.

        Raises:
            KafkaTimeoutError: Results are missing at the deadline, a time of `time.monotonic`.
        """
        while self._parts:
            part = self._parts[0]
            if part.future.wait(_CHECKED_EVERY_S):
                _, _, error_of = part.future.value
                with self._lock:
                    self._parts.remove(part)
                if error_of is not None:
                    yield from ((row, error_of(place)) for place, row in enumerate(part.rows))
            elif time.monotonic() > deadline:
                raise KafkaTimeoutError("The brokers did not acknowledge all records in time.")

    def move(self, row: int, of: Any, to: Any) -> None:
        """Let a row wait for another future; when a part is split, all its rows are moved one after the other."""
        with self._lock:
            self._parts = [part for part in self._parts if part.future is not of]
            known = next((part for part in self._parts if part.future is to), None)
            if known is None:
                self._parts.append(known := _Part(to, []))
            known.rows.append(row)


class _Records(Sequence["_Record"]):
    """The client's list of the records of a batch; objects are created only if it splits the batch."""

    def __init__(self, sent: Sent, future: Any, rows: NDArray[np.int64]) -> None:
        self._sent, self._future, self._rows = sent, future, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> _Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[_Record]: ...
    def __getitem__(self, place: int | slice) -> _Record | Sequence[_Record]:
        if isinstance(place, slice):
            return [_Record(self._sent, self._future, int(row)) for row in self._rows[place]]
        return _Record(self._sent, self._future, int(self._rows[place]))


class _Record:
    """A record that the client may move to another batch."""

    def __init__(self, sent: Sent, future: Any, row: int) -> None:
        self._sent, self._future, self._row = sent, future, row

    def rebind(self, future: Any, place: int) -> None:  # noqa: ARG002 - of all in a row
        """Wait for the future of the record's new batch."""
        self._sent.move(self._row, self._future, future)
        self._future = future
