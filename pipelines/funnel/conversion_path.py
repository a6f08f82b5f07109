"""Paths to an order and without one, counted by month and path (docs/definitions.md#paths)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.time import business_day
from schemas.attribution import UNKNOWN
from schemas.lake import CONVERSION_PATH, CONVERSION_PATH_SALES, MONEY_SUM
from schemas.paths import BETWEEN, CLICK, LONGER, LONGEST, NONE, STAGES

_ORDER: Final = ("shop", "order_id")
_NAMED: Final = ("month", "path")
_IS_ORDER: Final = pl.col("order_id").is_not_null()
_IS_NEW: Final = pl.col("touchpoint").ne_missing(pl.col("touchpoint").shift(1))


def conversion_path(
    paths: pl.LazyFrame, groups: pl.LazyFrame, through: dt.date | None, zone: str, look_back: dt.timedelta
) -> pl.LazyFrame:
    """Count paths by month and path, by how they ended.

    Args:
        paths: `schemas.lake.PERSON_PATH`.
        groups: `schemas.lake.GROUP`, which names the groups by purpose.
        through: Last complete day; None: there is none.
        zone: IANA name of the business zone.
        look_back: Longest time from a touchpoint to the payment.

    Returns:
        `schemas.lake.CONVERSION_PATH`. A path without an order is open until the look-back of its last touchpoint has
        passed.
    """
    is_open = ~_IS_ORDER & still_open(through, zone, look_back)
    seconds = (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds()
    return (
        _named(paths, groups)
        .group_by(_NAMED)
        .agg(
            pl.col("touchpoints").first(),
            persons=pl.col("person_id").drop_nulls().n_unique().cast(pl.Int64),
            orders=_IS_ORDER.sum().cast(pl.Int64),
            lost=(~_IS_ORDER & ~is_open).sum().cast(pl.Int64),
            open=is_open.sum().cast(pl.Int64),
            seconds_to_order=pl.when(_IS_ORDER).then(seconds).sum(),
        )
        .select(CONVERSION_PATH.schema.names())
    )


def still_open(through: dt.date | None, zone: str, look_back: dt.timedelta) -> pl.Expr:
    """Return whether an order may still follow the last touchpoint of a path, on a day that is not complete."""
    return pl.lit(through is None) | (business_day(pl.col("ended_at") + look_back, zone) > pl.lit(through, pl.Date))


def conversion_path_sales(paths: pl.LazyFrame, groups: pl.LazyFrame, orders: pl.LazyFrame) -> pl.LazyFrame:
    """Sum the orders that paths led to, by month, path and currency.

    Args:
        paths: `schemas.lake.PERSON_PATH`.
        groups: `schemas.lake.GROUP`.
        orders: `schemas.lake.CUSTOMER_ORDER`, of the months of the paths.

    Returns:
        `schemas.lake.CONVERSION_PATH_SALES`.
    """
    money = ("paid_minor", "refunded_minor", "net_minor")
    return (
        _named(paths.filter(_IS_ORDER), groups)
        .join(orders.select(*_ORDER, "currency", *money), on=_ORDER)
        .group_by(*_NAMED, "currency")
        .agg(pl.col(money).cast(MONEY_SUM).sum(), orders=pl.len().cast(pl.Int64))
        .select(CONVERSION_PATH_SALES.schema.names())
    )


def _named(paths: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Add `path`: the touchpoints by purpose of the group or stage in the shop; consecutive equal ones count once.

    `touchpoints` becomes their number, or `LONGEST + 1` if there are more than `LONGEST`.
    """
    numbered = paths.with_row_index("number")
    purpose = groups.select(touchpoint="group_id", purpose=pl.col("purpose").fill_null(UNKNOWN))
    click = pl.format(f"{CLICK} {{}}", pl.col("purpose").fill_null(UNKNOWN))
    points = (
        numbered.select("number", touchpoint="touchpoints")
        .explode("touchpoint", empty_as_null=False)
        .join(purpose, on="touchpoint", how="left", maintain_order="left")
        .select(
            "number",
            touchpoint=pl.when(pl.col("touchpoint").is_in(list(STAGES.values()))).then("touchpoint").otherwise(click),
        )
        .group_by("number", maintain_order=True)
        .agg(pl.col("touchpoint").filter(_IS_NEW))
    )
    n_points = pl.col("touchpoint").list.len().cast(pl.Int32).clip(upper_bound=LONGEST + 1).fill_null(0)
    listed = pl.col("touchpoint").list.join(BETWEEN).fill_null(NONE)
    path = pl.when(n_points > LONGEST).then(pl.lit(LONGER)).otherwise(listed)
    return (
        numbered.drop("touchpoints").join(points, on="number", how="left").with_columns(path=path, touchpoints=n_points)
    )
