"""Revenue cohorts: what the buyers of a month pay in the months since (docs/definitions.md#orders)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.calendar import Unit, is_complete, unit_start, unit_starts, units_between
from schemas.lake import MONEY_SUM, REVENUE_COHORT

_UNIT: Final[Unit] = "month"
_MONEY: Final = ("paid_minor", "refunded_minor", "net_minor")
_CELL: Final = ("cohort", "currency", "start")


def revenue_cohorts(orders: pl.LazyFrame, through: dt.date | None) -> pl.LazyFrame:
    """Sum the orders of each month's new buyers by complete months since, and by currency.

    Args:
        orders: `schemas.lake.CUSTOMER_ORDER`; orders of unknown buyers are ignored.
        through: The last complete day; None: no day is complete.

    Returns:
        `schemas.lake.REVENUE_COHORT`: a row per cohort, currency in which it ever paid, and complete month since,
        including months without orders.
    """
    cohort, start = pl.col("cohort"), pl.col("start")
    bought = (
        orders.filter(pl.col("person_id").is_not_null())
        .with_columns(start=unit_start(pl.col("day"), _UNIT))
        .with_columns(cohort=start.min().over("person_id"))
    )
    sums = bought.group_by(_CELL).agg(
        buyers=pl.col("person_id").n_unique().cast(pl.Int64),
        orders=pl.len().cast(pl.Int64),
        **{name: pl.col(name).cast(MONEY_SUM).sum() for name in _MONEY},
    )
    sizes = bought.group_by("cohort").agg(cohort_size=pl.col("person_id").n_unique().cast(pl.Int64))
    newest = unit_start(pl.lit(through, pl.Date), _UNIT)
    return (
        bought.select("cohort", "currency")
        .unique()
        .filter(is_complete(cohort, _UNIT, through))
        .with_columns(start=unit_starts(cohort, newest, _UNIT))
        .explode("start", empty_as_null=True)
        .filter(is_complete(start, _UNIT, through))
        .join(sizes, on="cohort")
        .join(sums, on=_CELL, how="left")
        .with_columns(pl.col("buyers", "orders", *_MONEY).fill_null(0), period=units_between(cohort, start, _UNIT))
        .select(REVENUE_COHORT.schema.names())
    )
