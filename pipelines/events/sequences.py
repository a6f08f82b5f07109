"""Sequence numbers as ranges: which arrived, and which are missing between them.

The ranges of a sequence are a set of numbers: their union does not depend on order or repetition of arrivals, and late
numbers close their gap.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.lake import SEQUENCE_RANGE, UTC_TIME

MOST_RANGES: Final = 1_000
"""Most separate ranges kept per sequence; numbers missing between older ranges count as lost."""

MISSING: Final = pl.Schema(
    {
        "source": pl.String(),
        "sequence": pl.String(),
        "group_id": pl.String(),
        "numbers": pl.Int64(),
        "from_number": pl.Int64(),
        "to_number": pl.Int64(),
        "after": UTC_TIME,
        "before": UTC_TIME,
    }
)
"""Gaps `[from_number, to_number)` between numbers that arrived, with `numbers` missing, sent between two times.

`group_id` null: the sequence counts everything that a source sends."""

_OF: Final = ("source", "sequence")


def ranges_of(numbered: pl.DataFrame) -> pl.DataFrame:
    """Merge the numbers of records to ranges.

    Args:
        numbered: `pipelines.carriers.base.NUMBERED_SCHEMA`, with the `topic` and `kafka_time` of each record.

    Returns:
        `SEQUENCE_RANGE`. Numbers without a group belong to their topic: another topic may be another company's.
    """
    named = pl.coalesce("group_id", "topic")
    time = pl.coalesce("time", "kafka_time")
    single = numbered.select(
        "source",
        "group_id",
        sequence=pl.when(pl.col("sequence").is_null()).then(named).otherwise(pl.format("{} {}", named, "sequence")),
        from_number=pl.col("number"),
        to_number=pl.col("number") + 1,
        given_up=pl.lit(0, pl.Int64),
        first_at=time,
        last_at=time,
    )
    return union(single.select(SEQUENCE_RANGE.schema.names()))


def union(ranges: pl.DataFrame) -> pl.DataFrame:
    """Merge ranges that overlap or touch: `SEQUENCE_RANGE`, sorted, each range with a gap before it."""
    placed = ranges.sort(*_OF, "from_number", "to_number")
    reached = pl.col("to_number").cum_max().shift().over(_OF)
    is_apart = (pl.col("from_number") > reached).fill_null(value=True)
    return (
        placed.group_by(*_OF, number=is_apart.cum_sum(), maintain_order=True)
        .agg(
            pl.col("group_id", "from_number").first(),
            pl.col("to_number").max(),
            pl.col("given_up").sum(),
            pl.col("first_at").min(),
            pl.col("last_at").max(),
        )
        .select(SEQUENCE_RANGE.schema.names())
    )


def bounded(ranges: pl.DataFrame, most: int = MOST_RANGES) -> pl.DataFrame:
    """Keep the newest ranges of each sequence separate and merge older ones, whose missing numbers count as lost.

    Args:
        ranges: A `union`.
        most: Number of separate ranges per sequence, beside the merged one.
    """
    is_old = pl.int_range(pl.len()).over(_OF) < pl.len().cast(pl.Int64).over(_OF) - most
    old = ranges.filter(is_old)
    if old.is_empty():
        return ranges
    arrived = (pl.col("to_number") - pl.col("from_number") - pl.col("given_up")).sum()
    folded = old.group_by(_OF, maintain_order=True).agg(
        pl.col("group_id", "from_number").first(),
        pl.col("to_number").last(),
        given_up=pl.col("to_number").last() - pl.col("from_number").first() - arrived,
        first_at=pl.col("first_at").min(),
        last_at=pl.col("last_at").max(),
    )
    return pl.concat([folded.select(ranges.columns), ranges.filter(~is_old)]).sort(*_OF, "from_number")


def missing(ranges: pl.DataFrame) -> pl.DataFrame:
    """Return the missing numbers.

    Args:
        ranges: `SEQUENCE_RANGE`, in any order.

    Returns:
        `MISSING`. Nothing is missing before the first number of a sequence or after its newest one.
    """
    arrived = union(ranges)
    start, below = pl.col("to_number").shift().over(_OF), pl.col("last_at").shift().over(_OF)
    between = arrived.select(
        *_OF,
        "group_id",
        numbers=pl.col("from_number") - start,
        from_number=start,
        to_number=pl.col("from_number"),
        after=pl.min_horizontal(below, "first_at"),
        before=pl.max_horizontal(below, "first_at"),
    ).drop_nulls("numbers")
    lost = arrived.filter(pl.col("given_up") > 0).select(
        *_OF, "group_id", "from_number", "to_number", numbers="given_up", after="first_at", before="last_at"
    )
    parts = [part.select(MISSING.names()) for part in (between, lost)]
    return pl.concat(parts).sort(*_OF, "from_number")
