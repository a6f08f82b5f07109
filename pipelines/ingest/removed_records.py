"""Records of `raw` whose values were removed: what was made of them cannot be made again, so a rebuild keeps it."""

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
"""Offsets looked at together: 32 MB."""

_PARTITION: Final = ("topic_id", "partition")
_RUNS: Final = pl.Schema(
    {name: RAW.schema[name] for name in _PARTITION} | {"first": pl.Int64(), "last": pl.Int64()},
)


@dataclass(frozen=True)
class RemovedRecords:
    """Which records have lost their value.

    Attributes:
        runs: `topic_id`, `partition`, `first`, `last`: runs of consecutive offsets. Removal goes by age, so there are
            few of them however many records they are.
        records: How many records there are.
        tombstones: How many of them never had a value.
        newest: The newest removal, UTC; None where nothing was removed.
    """

    runs: pl.DataFrame
    records: int
    tombstones: int
    newest: dt.datetime | None

    def made(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that were made of these records, by the coordinates they carry."""
        found = rows.sort("offset").join_asof(
            self.runs, left_on="offset", right_on="first", by=_PARTITION, strategy="backward", check_sortedness=False
        )
        return found.filter(pl.col("offset") <= pl.col("last")).select(rows.columns)


def removed_records(raw: Handle, window: int = WINDOW) -> RemovedRecords:
    """Find the records without values. Offsets are read by the window: memory is bounded, whatever `raw` holds.

    Args:
        raw: of `RAW`.
        window: offsets looked at together.
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
