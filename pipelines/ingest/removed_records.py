"""Records of `raw` whose values were removed: they cannot be decoded again, so a rebuild keeps their rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.lake import Handle
from pipelines.lake_values import has_value
from schemas.lake import RAW

WINDOW: Final = 4_000_000
"""Number of offsets read at a time: 32 MB."""

_PARTITION: Final = ("topic_id", "partition")
_RUNS: Final = pl.Schema(
    {name: RAW.schema[name] for name in _PARTITION} | {"first": pl.Int64(), "last": pl.Int64()},
)


@dataclass(frozen=True)
class RemovedRecords:
    """The records without values.

    Attributes:
        runs: `topic_id`, `partition`, `first`, `last`: runs of consecutive offsets. Values are removed by age, so there
            are few runs for any number of records.
        records: Number of records.
        tombstones: How many of them never had a value.
        newest: The newest removal, UTC; None if no value was removed.
    """

    runs: pl.DataFrame
    records: int
    tombstones: int
    newest: dt.datetime | None

    def made(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows decoded from these records, by their coordinates."""
        found = rows.sort("offset").join_asof(
            self.runs, left_on="offset", right_on="first", by=_PARTITION, strategy="backward", check_sortedness=False
        )
        return found.filter(pl.col("offset") <= pl.col("last")).select(rows.columns)


def removed_records(raw: Handle, window: int = WINDOW) -> RemovedRecords:
    """Return the records without values. Offsets are read in windows, which bounds memory.

    Args:
        raw: Handle of `RAW`.
        window: Number of offsets read at a time.
    """
    removed = raw.scan().filter(~has_value())
    by_partition = (
        removed.group_by(_PARTITION)
        .agg(
            pl.col("offset").min().alias("first"),
            pl.col("offset").max().alias("last"),
            pl.len().alias("records"),
            pl.col("value_sha256").null_count().alias("tombstones"),
            pl.col("removed_at").max().alias("newest"),
        )
        .collect(engine="streaming")
    )
    runs = [
        found
        for topic_id, partition, first, last in by_partition.select(_RUNS.names()).iter_rows()
        for found in _runs(removed, topic_id, partition, range(first, last + 1, window), window)
    ]
    return RemovedRecords(
        pl.concat([pl.DataFrame(schema=_RUNS), *runs]).sort("first"),
        int(by_partition["records"].sum()),
        int(by_partition["tombstones"].sum()),
        by_partition.select(pl.col("newest").max()).item(),
    )


def _runs(removed: pl.LazyFrame, topic_id: str, partition: int, starts: range, window: int) -> Iterator[pl.DataFrame]:
    of_partition = removed.filter((pl.col("topic_id") == topic_id) & (pl.col("partition") == partition))
    for start in starts:
        within = pl.col("offset").is_between(start, start + window, closed="left")
        offsets = of_partition.filter(within).select("offset").collect(engine="streaming").sort("offset")
        is_next = pl.col("offset").diff().fill_null(1) == 1
        found = offsets.group_by(run=(~is_next).cum_sum()).agg(
            first=pl.col("offset").min(), last=pl.col("offset").max()
        )
        yield found.select(
            pl.lit(topic_id, _RUNS["topic_id"]).alias("topic_id"),
            pl.lit(partition, _RUNS["partition"]).alias("partition"),
            "first",
            "last",
        )
