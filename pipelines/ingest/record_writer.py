"""Encode columns of keys and values as Kafka record batches (format v2), without a Python object per record.

Header, checksum and compression of a batch are left to the client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.buffers import bytes_of
from pipelines.compiled import lean

HEADER_BYTES: Final = 61
"""Bytes of a batch header."""

_LARGEST_FRAME: Final = 32
"""Most bytes of a record beside key and value: lengths, differences of time and offset."""


@dataclass(frozen=True)
class Bytes:
    """A Binary column as `starts` and `lengths` of its values in `data`; the length of a null is -1."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, column: pl.Series) -> Bytes:
        """Return the parts of a column, without copying value by value."""
        data, ends = bytes_of(column)
        lengths = np.diff(ends)
        if column.has_nulls():
            lengths[column.is_null().to_numpy()] = -1
        return cls(data, ends[:-1], lengths)


@dataclass(frozen=True)
class Batch:
    """Records of one partition: their bytes, and their rows in the order of the bytes."""

    partition: int
    records: memoryview
    rows: NDArray[np.int64]


def partitions(keys: Bytes, n_partitions: int, chance: np.random.Generator) -> NDArray[np.int64]:
    """Return the partition of each record by the key hash that all Kafka clients use.

    Records with equal keys share a partition. Records without a key are distributed randomly.
    """
    anywhere = chance.integers(n_partitions, size=len(keys.lengths))
    _place(keys.data, keys.starts, keys.lengths, n_partitions, anywhere)
    return anywhere


def batches(keys: Bytes, values: Bytes, places: NDArray[np.int64], n_partitions: int, most_bytes: int) -> list[Batch]:
    """Yield batches of at most `most_bytes` bytes or one record; within a partition in the order of the rows.

    A record's time is that of its batch.
    """
    rows = np.argsort(places, kind="stable")
    ends = np.cumsum(np.bincount(places, minlength=n_partitions))
    room = int(np.maximum(keys.lengths, 0).sum() + np.maximum(values.lengths, 0).sum()) + _LARGEST_FRAME * len(rows)
    written = np.empty(room, np.uint8)
    cuts = np.empty((len(rows), 2), np.int64)
    found: list[Batch] = []
    first, begin = 0, 0
    for partition, end in enumerate(ends.tolist()):
        n_batches = _write(
            *(keys.data, keys.starts, keys.lengths, values.data, values.starts, values.lengths),
            *(rows[first:end], most_bytes - HEADER_BYTES, written, begin, cuts),
        )
        of_partition = rows[first:end]
        done = 0
        for n_rows, n_bytes in cuts[:n_batches].tolist():
            found.append(Batch(partition, written[begin:n_bytes].data, of_partition[done:n_rows]))
            done, begin = n_rows, n_bytes
        first = end
    return found


@lean
def _place(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    n_partitions: int,
    places: NDArray[np.int64],
) -> None:
    """Set the partition of each record that has a key."""
    for row in range(len(lengths)):
        if lengths[row] >= 0:
            places[row] = (_murmur2(data, starts[row], lengths[row]) & np.uint32(0x7FFFFFFF)) % n_partitions


@lean
def _murmur2(data: NDArray[np.uint8], start: int, length: int) -> np.uint32:
    """Return the hash of Kafka's clients: 32-bit MurmurHash2 with seed 0x9747b28c."""
    mix = np.uint32(0x5BD1E995)
    found = np.uint32(0x9747B28C) ^ np.uint32(length)
    whole = length // 4
    for word in range(whole):
        at = start + 4 * word
        part = np.uint32(0)
        for byte in range(4):
            part |= np.uint32(data[at + byte]) << np.uint32(8 * byte)
        part = np.uint32(part * mix)
        part ^= part >> np.uint32(24)
        part = np.uint32(part * mix)
        found = np.uint32(found * mix) ^ part
    at = start + 4 * whole
    if length % 4:
        for byte in range(length % 4):
            found ^= np.uint32(data[at + byte]) << np.uint32(8 * byte)
        found = np.uint32(found * mix)
    found ^= found >> np.uint32(13)
    found = np.uint32(found * mix)
    return found ^ (found >> np.uint32(15))


@lean
def _write(
    key_data: NDArray[np.uint8],
    key_starts: NDArray[np.int64],
    key_lengths: NDArray[np.int64],
    value_data: NDArray[np.uint8],
    value_starts: NDArray[np.int64],
    value_lengths: NDArray[np.int64],
    rows: NDArray[np.int64],
    most_bytes: int,
    into: NDArray[np.uint8],
    begin: int,
    cuts: NDArray[np.int64],
) -> int:
    """Write rows from a position on, and the end of each batch: number of rows and position."""
    at, offset, n_batches = begin, 0, 0
    for number in range(len(rows)):
        row = rows[number]
        size = _size(offset, key_lengths[row], value_lengths[row])
        if offset and at - begin + size + _varint_size(size) > most_bytes:
            cuts[n_batches, 0], cuts[n_batches, 1] = number, at
            n_batches += 1
            begin, offset = at, 0
            size = _size(0, key_lengths[row], value_lengths[row])
        at = _put_varint(into, at, size)
        into[at] = 0  # attributes: none
        into[at + 1] = 0  # difference to the batch's time: 0
        at = _put_varint(into, at + 2, offset)
        at = _put_bytes(into, at, key_data, key_starts[row], key_lengths[row])
        at = _put_bytes(into, at, value_data, value_starts[row], value_lengths[row])
        into[at] = 0  # headers: none
        at += 1
        offset += 1
    if offset:
        cuts[n_batches, 0], cuts[n_batches, 1] = len(rows), at
        n_batches += 1
    return n_batches


@lean
def _size(offset: int, key_length: int, value_length: int) -> int:
    """Return the bytes of a record after its length."""
    key = _varint_size(key_length) + max(0, key_length)
    value = _varint_size(value_length) + max(0, value_length)
    return 3 + _varint_size(offset) + key + value


@lean
def _varint_size(number: int) -> int:
    left = (number << 1) ^ (number >> 63)
    size = 1
    while left >= 0x80:
        left >>= 7
        size += 1
    return size


@lean
def _put_varint(into: NDArray[np.uint8], at: int, number: int) -> int:
    """Write a zigzag varint; return the position after it."""
    left = (number << 1) ^ (number >> 63)
    while left >= 0x80:
        into[at] = left & 0x7F | 0x80
        at += 1
        left >>= 7
    into[at] = left
    return at + 1


@lean
def _put_bytes(into: NDArray[np.uint8], at: int, data: NDArray[np.uint8], start: int, length: int) -> int:
    """Write a length and its bytes, null if the length is -1; return the position after them."""
    at = _put_varint(into, at, length)
    # Unsigned: for a position that might be negative, numba would handle indexing from the end and copy byte by byte.
    first, source = np.uintp(at), np.uintp(start)
    for byte in range(np.uintp(max(0, length))):
        into[first + byte] = data[source + byte]
    return at + max(0, length)
