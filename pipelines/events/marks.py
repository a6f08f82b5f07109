"""What a batch of events touches: enough to know, without reading events again, which rows of facts may change."""

from __future__ import annotations

import polars as pl

from pipelines.funnel.steps import is_product_message
from pipelines.groups.group import describes_group
from schemas import kinds
from schemas.lake import TOUCHED


def marks(added: pl.DataFrame, superseded: pl.DataFrame, batch: int) -> pl.DataFrame:
    """Name the days, groups, accounts and orders that a batch adds events to or takes events from.

    Args:
        added: rows of `EVENTS` that the batch adds.
        superseded: stored rows that it replaces; what they said is unsaid, so they touch what they touched once.
        batch: the number of the batch.

    Returns:
        Distinct rows of `TOUCHED`.
    """
    # A group is known by its events: the one taken away may have been its only one.
    changed = pl.concat([added.with_columns(is_gone=False), superseded.with_columns(is_gone=True)])
    is_link = pl.col("type") == kinds.IDENTITY_LINKED
    return (
        changed.select(
            "day",
            "group_id",
            "account_id",
            "order_id",
            batch=pl.lit(batch, pl.Int64),
            reaches_group=is_product_message(),
            describes_group=pl.col("group_id").is_not_null() & (pl.col("is_gone") | describes_group()),
            links=is_link & ~pl.col("is_gone"),
            unlinks=is_link & pl.col("is_gone"),
        )
        .select(TOUCHED.schema.names())
        .unique()
    )
