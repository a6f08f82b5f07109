"""What the company spent on groups and campaigns, and what was sold from the groups beside it.

See docs/definitions.md#spend.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import kinds
from schemas.attribution import UNATTRIBUTED, UNKNOWN
from schemas.lake import MONEY_SUM, SPEND_DAY, SPEND_RETURN

_PLACE: Final = ("group_id", "day", "currency")
_NOTHING: Final = pl.lit(0, MONEY_SUM)


def spend_day(events: pl.LazyFrame) -> pl.LazyFrame:
    """Sum what was spent, by group, campaign, day and currency.

    Args:
        events: Columns of `schemas.lake.EVENTS`, distinct, in any order.

    Returns:
        `schemas.lake.SPEND_DAY`.
    """
    return (
        events.filter(pl.col("type") == kinds.SPEND_RECORDED)
        .group_by(pl.col("group_id").fill_null(UNATTRIBUTED), pl.col("campaign").fill_null(UNKNOWN), "day", "currency")
        .agg(spend_minor=pl.col("amount_minor").cast(MONEY_SUM).sum())
        .select(SPEND_DAY.schema.names())
    )


def spend_return(spend: pl.LazyFrame, sales: pl.LazyFrame) -> pl.LazyFrame:
    """Return what was spent on each group beside the sales credited to it, by model, day and currency.

    Sales that no group is credited with are left out, since no cost can be set against them. So are currencies in
    which nothing was spent.

    Args:
        spend: `schemas.lake.SPEND_DAY`.
        sales: `schemas.lake.GROUP_SALES_DAY`.

    Returns:
        `schemas.lake.SPEND_RETURN`: the return of rows of one model and currency is the sum of `net_minor` over that of
        `spend_minor`.
    """
    spent = spend.join(sales.select("model").unique(), how="cross").select("model", *_PLACE, "spend_minor")
    sold = (
        sales.filter(pl.col("group_id") != UNATTRIBUTED)
        .join(spend.select("currency").unique(), on="currency", how="semi")
        .select("model", *_PLACE, "net_minor")
    )
    return (
        pl.concat([spent.with_columns(net_minor=_NOTHING), sold.with_columns(spend_minor=_NOTHING)], how="diagonal")
        .group_by("model", *_PLACE)
        .agg(pl.col("spend_minor", "net_minor").sum())
        .select(SPEND_RETURN.schema.names())
    )
