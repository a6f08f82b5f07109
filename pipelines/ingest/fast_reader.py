"""Read Kafka records as columns through kafka-python, replacing its loop that creates an object per record.

Sessions, epochs, retries, aborted transactions, checksums and decompression stay with the client. Its fetcher gets
another class for the records of a partition, which presents each batch as one record and reads the records from the
batch's bytes. This is the only module that depends on the fetcher's internals: `unsupported` checks whether they are
the tested ones.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np
from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecord
from kafka.structs import TopicPartition
from numpy.typing import NDArray

from pipelines.ingest.record_batch import LEAST_SIZE, NULL, RECORD, walk
from pipelines.ingest.record_columns import ColumnBuffer, Part
from pipelines.ingest.tested_client import untested

_RECEIVED_AT_ONCE: Final = 1024 * 1024
_FORMAT_V2: Final = 2
_SHAPE: Final = {
    "_unpack_records": ("self", "tp", "records", "key_deserializer", "value_deserializer"),
    "take": ("self", "n"),
    "drain": ("self",),
}
"""Methods of the fetcher's class that are called or replaced, with parameters."""

_PartitionRecords: Any = getattr(Fetcher, "PartitionRecords", object)


def unsupported(consumer: KafkaConsumer) -> str | None:
    """Return why this consumer does not support fast reading; None if it does."""
    if (obstacle := untested()) is not None:
        return obstacle
    if not isinstance(getattr(consumer, "_fetcher", None), Fetcher):
        return "the consumer's fetcher is of an unknown class"
    if not hasattr(vars(consumer)["_fetcher"], "_manager"):
        return "the fetcher's connections have changed"
    for name, parameters in _SHAPE.items():
        method = getattr(_PartitionRecords, name, None)
        if method is None or tuple(inspect.signature(method).parameters) != parameters:
            return f"the fetcher's {name} has changed"
    return None


class FastReader:
    """Reads a consumer's records into columns; the consumer's own `poll` then returns no records."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self._target = Target()
        fetcher: Any = vars(consumer)["_fetcher"]
        fetcher.PartitionRecords = partial(ColumnarPartition, self._target)
        _receive_widely(fetcher._manager)

    def buffer(self) -> FastBuffer:
        """Return an empty buffer."""
        return FastBuffer(self._consumer, self._target)


def _receive_widely(manager: Any) -> None:
    """Let new connections read all that the socket has at once, instead of 4 KiB per call.

    TLS connections are unchanged: a call returns at most one TLS record.
    """
    connect = manager._build_transport

    async def build(*args: Any, **options: Any) -> Any:
        transport = await connect(*args, **options)
        if not manager.ssl_enabled:
            transport._sock = _WideSocket(transport._sock)
        return transport

    manager._build_transport = build


class _WideSocket:
    """A proxy of a socket that returns more bytes than requested."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv(self, size: int) -> bytes:
        return self._sock.recv(max(size, _RECEIVED_AT_ONCE))


class Target:
    """Current destination of records, with its limit in bytes."""

    def __init__(self) -> None:
        self.buffer = ColumnBuffer()
        self.full_at = 0

    @property
    def room(self) -> int:
        """Bytes that may still be added; below zero if the last record was larger."""
        return self.full_at - self.buffer.bytes


class FastBuffer(ColumnBuffer):
    """Columns of a commit, filled by the fetcher."""

    def __init__(self, consumer: KafkaConsumer, target: Target) -> None:
        super().__init__()
        self._consumer = consumer
        self._target = target

    def poll(self, timeout_ms: int, rows: int, size: int) -> None:
        """Add records from Kafka within the time, at most `rows`, and none after `size` bytes."""
        self._target.buffer = self
        self._target.full_at = self.bytes + size
        try:
            self._consumer.poll(timeout_ms=timeout_ms, max_records=rows)
        finally:
            # The consumer is in reference cycles: what it refers to is only freed by garbage collection.
            self._target.buffer = ColumnBuffer()


class ColumnarPartition(_PartitionRecords):
    """Fetched records of one partition, read batch by batch into the target."""

    def __init__(self, target: Target, *args: Any, **options: Any) -> None:
        self._target = target
        self._open: Any = None
        super().__init__(*args, **options)

    def _unpack_records(self, tp: TopicPartition, records: Any, *deserializers: Any) -> Iterator[Any]:
        return super()._unpack_records(tp, _Batches(records), *deserializers)

    def take(self, n: int | None = None) -> _Taken:
        """Read up to `n` records and move the position behind the last one.

        As in the parent class, records before an error are returned first, and the next call raises the error.
        """
        limit = sys.maxsize if n is None else n
        rows = 0
        while rows < limit and self._target.room > 0 and self:
            if self._open is None:
                try:
                    found = super().take(1)
                except Exception as error:
                    if not rows:
                        raise
                    self._next_inline_exception = error
                    break
                if not found:
                    break
                self._open = found[0].value
                self._open.skip_to(self.fetch_offset)
            batch = self._open
            if len(batch):
                records = batch.next(limit - rows, self._target.room)
                self._target.buffer.add(Part(self.topic_partition, batch.data, records))
                rows += len(records)
            self.next_fetch_offset = batch.position
            if not len(batch):
                self._open = None
        return _Taken(rows, counted=rows if self._target.room > 0 else limit)


class _Taken:
    """Result of `take`. The fetcher uses its `len`, so that a full target ends the poll like enough rows do."""

    def __init__(self, rows: int, counted: int) -> None:
        self._rows = rows
        self._counted = counted

    def __len__(self) -> int:
        return self._counted

    def __iter__(self) -> Iterator[int]:
        return iter((self._rows,))


class _Batches:
    """The batches of a fetch: those with records are wrapped, transaction markers are not."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if batch is None or (batch.magic == _FORMAT_V2 and batch.is_control_batch):
            return batch
        return _AsOneRecord(batch)


class _AsOneRecord:
    """A proxy of a batch that yields itself, opened, as the value of one record."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[DefaultRecord]:
        opened = _open(self._batch) if self._batch.magic == _FORMAT_V2 else _open_old(self._batch)
        if len(opened):
            yield DefaultRecord(len(opened.data), opened.next_offset - 1, NULL, 0, None, opened, [])


class _Batch:
    """Unread records of a batch. `position` is the offset to continue from."""

    def __init__(self, data: NDArray[np.uint8], records: NDArray[np.void], next_offset: int) -> None:
        self.data = data
        self.next_offset = next_offset
        self._left = records
        self._behind_last = next_offset

    def __len__(self) -> int:
        return len(self._left)

    @property
    def position(self) -> int:
        return self._behind_last if len(self._left) else self.next_offset

    def skip_to(self, offset: int) -> None:
        self._left = self._left[np.searchsorted(self._left["offset"], offset) :]

    def next(self, rows: int, size: int) -> NDArray[np.void]:
        """Return up to `rows` records, and none after `size` bytes."""
        records = self._left[:rows]
        enough = int(np.searchsorted(np.cumsum(records["size"]), size)) + 1
        records, self._left = records[:enough], self._left[min(enough, rows) :]
        self._behind_last = int(records["offset"][-1]) + 1
        return records


def _open(batch: Any) -> _Batch:
    iter(batch)  # decompresses
    data = np.frombuffer(batch._buffer, np.uint8)
    start = batch._pos
    if batch.records_count < 0 or batch.records_count * LEAST_SIZE > len(data) - start:
        raise CorruptRecordError(
            f"The batch at offset {batch.base_offset} has less than its {batch.records_count} records."
        )
    records = np.empty(batch.records_count, RECORD)
    found, end = walk(data, start, batch.base_offset, batch.first_timestamp, records)
    if found < len(records) or end != len(data):
        raise CorruptRecordError(f"The batch at offset {batch.base_offset} is corrupt after {found} records.")
    if batch.timestamp_type == batch.LOG_APPEND_TIME:
        records["time"] = batch.max_timestamp
    return _Batch(data, records, batch.next_offset)


def _open_old(batch: Any) -> _Batch:
    """Open a batch of format v0 or v1 with objects per record; only old segments have them."""
    found = list(batch)
    if not all(record.validate_crc() for record in found):
        raise CorruptRecordError(f"The batch at offset {batch.base_offset} failed its checksum.")
    fields = [field for record in found for field in (record.key, record.value)]
    lengths = np.array([NULL if field is None else len(field) for field in fields], np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.maximum(lengths, 0))])
    records = np.zeros(len(found), RECORD)
    records["offset"] = [record.offset for record in found]
    records["time"] = [NULL if record.timestamp is None else record.timestamp for record in found]
    records["key"], records["value"] = starts[:-1:2], starts[1::2]
    records["key_length"], records["value_length"] = lengths[::2], lengths[1::2]
    records["size"] = starts[2::2] - starts[:-2:2]
    data = np.frombuffer(b"".join(field or b"" for field in fields), np.uint8)
    return _Batch(data, records, int(records["offset"][-1]) + 1 if found else 0)
