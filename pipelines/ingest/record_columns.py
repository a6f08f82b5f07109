"""Records in bytes of batches, collected to columns of `raw`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from kafka.errors import CorruptRecordError
from kafka.structs import TopicPartition
from numpy.typing import NDArray

from pipelines.ingest.record_batch import HEADER, NULL, gather, walk_headers
from pipelines.ingest.records import raw_columns
from schemas.lake import HEADERS


@dataclass(frozen=True)
class Part:
    """Records of one partition: `records` [n] of `record_batch.RECORD`, positions in `data`."""

    partition: TopicPartition
    data: NDArray[np.uint8]
    records: NDArray[np.void]


class ColumnBuffer:
    """Records of a commit, collected part by part; `bytes` counts whole records."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._rows = 0
        self.bytes = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, part: Part) -> None:
        """Add records; their bytes stay in memory as long as the buffer."""
        self._parts.append(part)
        self._rows += len(part.records)
        self.bytes += int(part.records["size"].sum())

    def rows_by_topic(self) -> dict[str, int]:
        """Return the number of records by topic."""
        rows: Counter[str] = Counter()
        for part in self._parts:
            rows[part.partition.topic] += len(part.records)
        return dict(rows)

    def frame(self, topic_ids: Mapping[str, str]) -> pl.DataFrame:
        """Return the records with the columns of `raw`; `kafka_time` is null for records without a timestamp.

        Raises:
            CorruptRecordError: The name of a header is not UTF-8.
        """
        part_of = np.repeat(np.arange(len(self._parts)), [len(part.records) for part in self._parts])
        blobs = [part.data for part in self._parts]
        found = [part.records for part in self._parts]
        return raw_columns(
            topic=pl.Series([part.partition.topic for part in self._parts], dtype=pl.String).gather(part_of),
            partition=pl.Series([part.partition.partition for part in self._parts], dtype=pl.Int32).gather(part_of),
            offset=_numbers(found, "offset"),
            milliseconds=_numbers(found, "time"),
            key=pl.Series(_fields(blobs, found, "key"), dtype=pl.Binary),
            headers=pl.Series(_headers(blobs, found), dtype=HEADERS),
            value=pl.Series(_fields(blobs, found, "value"), dtype=pl.Binary),
            topic_ids=topic_ids,
        )


def _numbers(records: Sequence[NDArray[np.void]], name: str) -> pl.Series:
    return pl.Series(_joined(records, name), dtype=pl.Int64)


def _joined(records: Sequence[NDArray[np.void]], name: str) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *(found[name] for found in records)])


def _fields(
    blobs: Sequence[NDArray[np.uint8]], found: Sequence[NDArray[np.void]], name: str, as_type: pa.DataType | None = None
) -> pa.Array[Any]:
    """Return an Arrow column of the fields at position `name` with length `name`_length, which may be `NULL`."""
    lengths = _joined(found, f"{name}_length")
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.maximum(lengths, 0), out=ends[1:])
    gathered = np.empty(ends[-1], np.uint8)
    row = 0
    for blob, records in zip(blobs, found, strict=True):
        after = row + len(records)
        gather(blob, records[name], records[f"{name}_length"], gathered[ends[row] : ends[after]])
        row = after
    is_there = lengths != NULL
    validity = None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))
    buffers = [validity, pa.py_buffer(ends), pa.py_buffer(gathered)]
    return pa.Array.from_buffers(as_type or pa.large_binary(), len(lengths), buffers)


def _headers(blobs: Sequence[NDArray[np.uint8]], found: Sequence[NDArray[np.void]]) -> pa.Array[Any]:
    counts = _joined(found, "header_count")
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    headers = [np.empty(records["header_count"].sum(), HEADER) for records in found]
    if ends[-1]:
        for blob, records, into in zip(blobs, found, headers, strict=True):
            walk_headers(blob, records, into)
    keys = _fields(blobs, headers, "key", pa.large_string())
    try:
        keys.validate(full=True)
    except pa.ArrowInvalid as error:
        raise CorruptRecordError(f"The name of a header is not UTF-8 ({error}).") from error
    entries = pa.StructArray.from_arrays([keys, _fields(blobs, headers, "value")], names=["key", "value"])
    return pa.LargeListArray.from_arrays(ends, entries)
