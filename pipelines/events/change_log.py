"""Change log of a batch of events: which keys it changes, so that facts find their affected rows without events."""

from __future__ import annotations

import polars as pl

from pipelines.funnel.steps import is_product_message
from pipelines.groups.group import describes_group
from schemas import kinds
from schemas.lake import TOUCHED


def change_log(added: pl.DataFrame, superseded: pl.DataFrame, batch: int) -> pl.DataFrame:
    """Return the days, groups, accounts and orders that a batch adds events to or removes events from.

    Args:
        added: Rows of `EVENTS` that the batch adds.
        superseded: Stored rows that it replaces; their keys change as well.
        batch: The number of the batch.

    Returns:
        Distinct rows of `TOUCHED`.
    """
    # Groups exist by their events, and a removed event may have been a group's only one.
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
