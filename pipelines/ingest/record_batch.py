"""Kafka's record batches (format v2) as arrays: positions of each record's key, value and headers in the batch's bytes.

A compiled loop, since the lengths are varints: a record's position is only known after the previous one. No Python
object is created per record.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.compiled import lean

NULL: Final = -1
"""Length of a null key or value."""

RECORD: Final = np.dtype(
    [
        ("offset", np.int64),
        ("time", np.int64),
        ("key", np.int64),
        ("key_length", np.int64),
        ("value", np.int64),
        ("value_length", np.int64),
        ("headers", np.int64),
        ("header_count", np.int64),
        ("size", np.int64),
    ]
)
"""A record: `time` in milliseconds, `key`, `value` and `headers` are positions in the bytes, `size` is in bytes."""

HEADER: Final = np.dtype([("key", np.int64), ("key_length", np.int64), ("value", np.int64), ("value_length", np.int64)])
"""A header of a record, as positions in the bytes."""

LEAST_SIZE: Final = 7
"""Bytes of the smallest record: one each for length, attributes, time, offset, key, value and headers."""

_CUT: Final = -1
_LARGEST_SHIFT: Final = 63


@lean
def _varint(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Read a zigzag varint; return it and the position after it, `_CUT` if the bytes end or the number is too long."""
    number = np.uint64(0)
    shift = 0
    while at < len(data) and shift <= _LARGEST_SHIFT:
        byte = np.uint64(data[at])
        at += 1
        number |= (byte & np.uint64(0x7F)) << np.uint64(shift)
        if byte < np.uint64(0x80):
            zigzag: Any = np.int64(number >> np.uint64(1)) ^ -np.int64(number & np.uint64(1))
            return zigzag, at
        shift += 7
    return 0, _CUT


@lean
def _sized(data: NDArray[np.uint8], at: int) -> tuple[int, int, int]:
    """Read a length-prefixed field; return its start, its length (`NULL`: null) and the position after it."""
    length, start = _varint(data, at)
    if start == _CUT or length > len(data) - start:
        return 0, 0, _CUT
    if length < 0:
        return start, NULL, start
    return start, length, start + length


@lean
def walk(
    data: NDArray[np.uint8], at: int, base_offset: int, base_time: int, records: NDArray[np.void]
) -> tuple[int, int]:
    """Find consecutive records from a position on.

    Args:
        data: The uncompressed bytes of a batch.
        at: Position of the first record.
        base_offset: Offset of the batch; records have the difference.
        base_time: Time of the batch in milliseconds; records have the difference.
        records: [n] of `RECORD`, to be filled.

    Returns:
        The number of valid records, and the position after them. Fewer than n: the next one is corrupt.
    """
    for number in range(len(records)):
        length, start = _varint(data, at)
        if start == _CUT or length < LEAST_SIZE - 1 or length > len(data) - start:
            return number, at
        time, position = _varint(data, start + 1)
        if position == _CUT:
            return number, at
        offset, position = _varint(data, position)
        if position == _CUT:
            return number, at
        key, key_length, position = _sized(data, position)
        if position == _CUT:
            return number, at
        value, value_length, position = _sized(data, position)
        if position == _CUT:
            return number, at
        header_count, position = _varint(data, position)
        if position == _CUT or header_count < 0:
            return number, at
        headers = position
        for _ in range(header_count):
            _, name_length, position = _sized(data, position)
            if position == _CUT or name_length == NULL:
                return number, at
            _, _, position = _sized(data, position)
            if position == _CUT:
                return number, at
        if position != start + length:
            return number, at
        record = records[number]
        record.offset = base_offset + offset
        record.time = base_time + time
        record.key = key
        record.key_length = key_length
        record.value = value
        record.value_length = value_length
        record.headers = headers
        record.header_count = header_count
        record.size = position - at
        at = position
    return len(records), at


@lean
def walk_headers(data: NDArray[np.uint8], records: NDArray[np.void], headers: NDArray[np.void]) -> None:
    """Find the headers of records that `walk` found; `headers` has room for exactly these."""
    number = 0
    for record in records:
        position = record.headers
        for _ in range(record.header_count):
            header = headers[number]
            header.key, header.key_length, position = _sized(data, position)
            header.value, header.value_length, position = _sized(data, position)
            number += 1


@lean
def gather(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64], into: NDArray[np.uint8]
) -> None:
    """Copy fields one after the other; `into` has room for exactly these."""
    # Unsigned: for a position that might be negative, numba would handle indexing from the end and copy byte by byte.
    end = np.uintp(0)
    for field in range(len(starts)):
        start = np.uintp(starts[field])
        length = np.uintp(max(0, lengths[field]))
        for byte in range(length):
            into[end + byte] = data[start + byte]
        end += length
