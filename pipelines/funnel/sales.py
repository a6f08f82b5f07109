"""What was sold from where: credit of orders summed by group, message, purpose and carrier.

See docs/definitions.md#attribution.

Orders are those with any share in the row and buyers distinct persons, so neither sums over rows. Currencies are never
summed.
"""

from __future__ import annotations

import polars as pl

from pipelines.funnel.attribution import MONEY
from schemas.attribution import UNATTRIBUTED, UNKNOWN
from schemas.lake import MONEY_SUM


def group_sales(credits: pl.LazyFrame) -> pl.LazyFrame:
    """Sum credits a model, group and currency, in the columns of `warehouse.group_sales`.

    Args:
        credits: `schemas.lake.ORDER_CREDIT`.
    """
    return _sales(credits.with_columns(_or_unattributed("group_id")), "group_id")


def message_sales(credits: pl.LazyFrame) -> pl.LazyFrame:
    """Sum credits a model, message and currency, in the columns of `warehouse.message_sales`.

    Args:
        credits: `schemas.lake.ORDER_CREDIT`.
    """
    message = pl.when(pl.col("group_id").is_null()).then(pl.lit(UNATTRIBUTED)).otherwise(_told("message_id"))
    return _sales(credits.with_columns(_or_unattributed("group_id"), message_id=message), "group_id", "message_id")


def segment_sales(credits: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Sum credits a model, segment and currency for each breakdown, in the columns of `warehouse.segment_sales`.

    Args:
        credits: `schemas.lake.ORDER_CREDIT`.
        groups: `schemas.lake.GROUP`; its purpose and carrier are the breakdowns.
    """
    known = credits.join(groups.select("group_id", "purpose", "carrier"), on="group_id", how="left")
    return pl.concat(
        _sales(
            known.with_columns(
                breakdown=pl.lit(column),
                segment=pl.when(pl.col("group_id").is_null()).then(pl.lit(UNATTRIBUTED)).otherwise(_told(column)),
            ),
            "breakdown",
            "segment",
        )
        for column in ("purpose", "carrier")
    )


def _sales(credits: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    return credits.group_by("model", *key, "currency").agg(
        pl.struct("shop", "order_id").n_unique().cast(pl.Int64).alias("orders"),
        pl.col("person_id").drop_nulls().n_unique().cast(pl.Int64).alias("buyers"),
        pl.col(MONEY).cast(MONEY_SUM).sum(),
    )


def _or_unattributed(column: str) -> pl.Expr:
    return pl.col(column).fill_null(UNATTRIBUTED)


def _told(column: str) -> pl.Expr:
    return pl.col(column).fill_null(UNKNOWN)
