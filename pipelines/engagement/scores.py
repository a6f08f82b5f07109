"""Scores of buyers by recency, frequency and money (RFM)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import polars as pl

from pipelines.time import business_day
from schemas.lake import MONEY_SUM, PERSON_VALUE


@dataclass(frozen=True)
class Quantiles:
    """Scores from 1 to `n` by rank: 1 + floor(n * share of lower values). Equal values get equal scores."""

    n: int = 5

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"{self.n} quantiles: at least 1 is needed")

    def score(self, value: pl.Expr) -> pl.Expr:
        """Return the score (Int32) of a column of integers, higher is better."""
        lower = value.rank("min").cast(pl.Int64) - 1
        return (lower * self.n // value.count() + 1).cast(pl.Int32)


@dataclass(frozen=True)
class Fixed:
    """Scores from 1 to the number of cuts + 1: 1 + the number of cuts that a value has reached."""

    cuts: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(low >= high for low, high in pairwise(self.cuts)):
            raise ValueError(f"the cuts {self.cuts} do not rise")

    def score(self, value: pl.Expr) -> pl.Expr:
        """Return the score (Int32) of a column of integers, higher is better."""
        return sum(((value >= cut).cast(pl.Int32) for cut in self.cuts), start=value.cast(pl.Int32) * 0 + 1)


Cuts = Quantiles | Fixed
FIFTHS: Final = Quantiles(5)

_COLUMNS: Final = (
    "person_id", "currency", "recency_days", "orders", "net_minor", "recency_score", "frequency_score",
    "monetary_score",
)  # fmt: skip
RFM: Final = pl.Schema({name: PERSON_VALUE.columns[name] for name in _COLUMNS})


def rfm(
    orders: pl.LazyFrame,
    day: dt.date,
    zone: str,
    *,
    recency: Cuts = FIFTHS,
    frequency: Cuts = FIFTHS,
    monetary: Cuts = FIFTHS,
) -> pl.LazyFrame:
    """Score buyers by recency, frequency and money, separately in each currency.

    See docs/definitions.md#things, docs/definitions.md#engagement.

    Args:
        orders: A row per paid order: `person_id, currency, paid_at` (UTC), `net_minor` (integer, minor units).
        day: The newest day that counts.
        zone: IANA name of the business zone.
        recency: Cuts of the days since the last order, counted from 0 downwards: `Fixed((-6, -1))` scores 1 for 7 days
            or more, 2 up to 6 and 3 up to 1.
        frequency: Cuts of the orders.
        monetary: Cuts of the amount paid net of refunds, in minor units; fixed cuts suit only one currency.

    Returns:
        `RFM`: a row per person and currency with an order; scores compare buyers in the same currency.
    """
    newest, paid_on = pl.lit(day), business_day(pl.col("paid_at"), zone)
    return (
        orders.filter(paid_on <= newest)
        .group_by("person_id", "currency")
        .agg(
            recency_days=(newest - paid_on.max()).dt.total_days(),
            orders=pl.len().cast(pl.Int64),
            net_minor=pl.col("net_minor").cast(MONEY_SUM).sum(),
        )
        .with_columns(
            recency_score=recency.score(-pl.col("recency_days")).over("currency"),
            frequency_score=frequency.score(pl.col("orders")).over("currency"),
            monetary_score=monetary.score(pl.col("net_minor")).over("currency"),
        )
        .select(RFM.names())
        .cast(RFM)
    )
