"""Convert polled Kafka records to columns of `raw`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.lake import HEADERS, RAW, REMOVED

if TYPE_CHECKING:
    from kafka import KafkaConsumer


class RecordBuffer:
    """Records of a batch, collected by polls; `bytes` counts keys and values."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self._records: list[Any] = []
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def poll(self, timeout_ms: int, rows: int, size: int) -> None:  # noqa: ARG002 - the client has no limit by size
        """Add at most `rows` records from Kafka within the time."""
        for records in self._consumer.poll(timeout_ms=timeout_ms, max_records=rows).values():
            self._records.extend(records)
            self.bytes += sum(len(record.value or b"") + len(record.key or b"") for record in records)

    def rows_by_topic(self) -> dict[str, int]:
        """Return the number of records by topic."""
        return dict(Counter(record.topic for record in self._records))

    def frame(self, topic_ids: Mapping[str, str]) -> pl.DataFrame:
        """Return the records with the columns of `raw`; `kafka_time` is null for records without a timestamp."""
        records = self._records
        return raw_columns(
            topic=pl.Series([r.topic for r in records], dtype=pl.String),
            partition=pl.Series([r.partition for r in records], dtype=pl.Int32),
            offset=pl.Series([r.offset for r in records], dtype=pl.Int64),
            milliseconds=pl.Series([r.timestamp for r in records], dtype=pl.Int64),
            key=pl.Series([r.key for r in records], dtype=pl.Binary),
            headers=_headers([r.headers for r in records]),
            value=pl.Series([r.value for r in records], dtype=pl.Binary),
            topic_ids=topic_ids,
        )


def raw_columns(*, milliseconds: pl.Series, topic_ids: Mapping[str, str], **columns: pl.Series) -> pl.DataFrame:
    """Return columns of Kafka records with the names, types and order of `raw`.

    Args:
        milliseconds: Kafka's timestamps; below zero: none.
        topic_ids: Topic -> its id.
        columns: `topic`, `partition`, `offset`, `key`, `headers` and `value`.
    """
    time = pl.from_epoch("milliseconds", time_unit="ms").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return (
        pl.DataFrame({**columns, "milliseconds": milliseconds})
        .with_columns(
            kafka_time=pl.when(pl.col("milliseconds") >= 0).then(time),
            topic_id=pl.col("topic").replace_strict(topic_ids, return_dtype=pl.String),
            **{name: pl.lit(None, dtype) for name, dtype in REMOVED.items()},
        )
        .select(RAW.schema.names())
    )


def _headers(headers: Sequence[Sequence[tuple[str, bytes | None]]]) -> pl.Series:
    """Return header lists as one column from flat arrays, since Python structs would cost more than the records."""
    flat = [header for of_record in headers for header in of_record]
    offsets = np.zeros(len(headers) + 1, dtype=np.int64)
    np.cumsum([len(of_record) for of_record in headers], out=offsets[1:])
    entries = pa.StructArray.from_arrays(
        [
            pa.array([key for key, _ in flat], pa.large_string()),
            pa.array([value for _, value in flat], pa.large_binary()),
        ],
        names=["key", "value"],
    )
    return pl.Series("headers", pa.LargeListArray.from_arrays(offsets, entries), dtype=HEADERS)
