"""Value of buyers: RFM scores, and expected purchases by BG/NBD (docs/definitions.md#engagement)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.bg_nbd import LEAST_REPEAT_BUYERS, NoFit, fit
from pipelines.engagement.scores import rfm
from pipelines.time import business_day
from schemas.lake import PERSON_VALUE

HORIZON_DAYS: Final = 28
"""The horizon of expected purchases."""


def person_value(
    orders: pl.LazyFrame, day: dt.date | None, zone: str, least_repeat_buyers: int = LEAST_REPEAT_BUYERS
) -> pl.LazyFrame:
    """Score buyers by RFM in each currency, and estimate by BG/NBD whether they still buy and how often.

    The model counts days with a paid order in any currency: purchases on one day count once, as in its source.

    Args:
        orders: A row per paid order: `person_id, currency, paid_at` (UTC), `net_minor`.
        day: The newest complete day; None: no rows.
        zone: IANA name of the business zone.
        least_repeat_buyers: Minimum number of buyers with orders on several days for a model.

    Returns:
        `schemas.lake.PERSON_VALUE`. Without a model, `p_alive` and `expected_purchases` are null, and `unmodelled` says
        why.
    """
    if day is None:
        return pl.LazyFrame(schema=PERSON_VALUE.schema)
    on = business_day(pl.col("paid_at"), zone)
    bought = orders.select("person_id", day=on).filter(pl.col("day") <= day).unique()
    return (
        rfm(orders, day, zone)
        .join(_modelled(_histories(bought, day), least_repeat_buyers), on="person_id", how="left")
        .with_columns(day=pl.lit(day))
        .select(PERSON_VALUE.columns.keys())
        .cast(PERSON_VALUE.schema)
    )


def credited_orders(order_credit: pl.LazyFrame) -> pl.LazyFrame:
    """Return the paid orders of `schemas.lake.ORDER_CREDIT`: a row per order, with all of its money once.

    Every model credits all orders in full, so one of them is enough.
    """
    return (
        order_credit.filter(pl.col("model") == pl.col("model").min())
        .group_by("shop", "order_id")
        .agg(pl.col("person_id", "currency", "paid_at").first(), pl.col("net_minor").sum())
        .drop("shop", "order_id")
    )


def _histories(bought: pl.LazyFrame, day: dt.date) -> pl.LazyFrame:
    """Return `x`, `t_x` and `observed` of each buyer, in days."""
    first, last = pl.col("day").min(), pl.col("day").max()
    return bought.group_by("person_id").agg(
        x=pl.len() - 1,
        t_x=(last - first).dt.total_days(),
        observed=(pl.lit(day) - first).dt.total_days(),
    )


def _modelled(histories: pl.LazyFrame, least_repeat_buyers: int) -> pl.LazyFrame:
    schema = {
        "person_id": pl.String(),
        "p_alive": pl.Float64(),
        "expected_purchases": pl.Float64(),
        "unmodelled": pl.String(),
    }

    def of(buyers: pl.DataFrame) -> pl.DataFrame:
        x, t_x, observed = (buyers[name].to_numpy() for name in ("x", "t_x", "observed"))
        try:
            model = fit(x, t_x, observed, least_repeat_buyers)
        except NoFit as reason:
            figures = {"p_alive": None, "expected_purchases": None, "unmodelled": reason.cause}
            return buyers.select("person_id", **{name: pl.lit(value, schema[name]) for name, value in figures.items()})
        return buyers.select(
            "person_id",
            p_alive=pl.Series(model.p_alive(x, t_x, observed)),
            expected_purchases=pl.Series(model.expected_purchases_given(HORIZON_DAYS, x, t_x, observed)),
            unmodelled=pl.lit(None, pl.String),
        )

    return histories.map_batches(of, schema=schema)
