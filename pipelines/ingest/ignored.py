"""Which records were ignored, and why."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.lake import Lake
from schemas.lake import IGNORED


def ignored_records(lake: Lake, carriers: Mapping[str, str], after_batch: int = 0) -> pl.DataFrame:
    """Count the records of later batches that hold nothing an event is made of. No table is created.

    Args:
        lake: holds `ignored`, or not yet.
        carriers: topic -> name of its carrier. A topic that is not read any more stands for itself.
        after_batch: a batch of `events`.

    Returns:
        A row a carrier and reason, that of most records first: `carrier`, `reason`, `records`.
    """
    handle = lake.find(IGNORED)
    rows = pl.LazyFrame(schema=IGNORED.schema) if handle is None else handle.scan()
    by_topic = rows.filter(pl.col("batch") > after_batch).group_by("topic", "reason").agg(records=pl.len())
    carrier = pl.col("topic").replace(dict(carriers))
    return (
        by_topic.group_by("reason", carrier=carrier)
        .agg(pl.col("records").sum().cast(pl.Int64))
        .select("carrier", "reason", "records")
        .sort("records", "carrier", "reason", descending=[True, False, False])
        .collect(engine="streaming")
    )
