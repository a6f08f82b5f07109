"""Ignored records by reason."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.lake import Lake
from schemas.lake import IGNORED


def ignored_records(lake: Lake, carriers: Mapping[str, str], after_batch: int = 0) -> pl.DataFrame:
    """Count the ignored records of batches after `after_batch`. No table is created.

    Args:
        lake: The lake of `ignored`, which need not exist.
        carriers: Topic -> name of its carrier. A topic that is no longer read is shown by its own name.
        after_batch: A batch of `events`.

    Returns:
        A row per carrier and reason, those with most records first: `carrier`, `reason`, `records`.
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
