"""Sales: credit of orders summed by group, message, purpose and carrier.

See docs/definitions.md#attribution.

Orders with any share in a row are counted in it, and buyers are distinct persons, so neither adds up over rows.
Currencies are never summed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.frames import Changed
from pipelines.funnel.attribution import MONEY
from pipelines.time import business_day
from schemas.attribution import UNATTRIBUTED, UNKNOWN
from schemas.lake import MONEY_SUM, ORDER_CREDIT

Keyed = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Adds the columns to sum by to credit (`schemas.lake.ORDER_CREDIT`)."""

_SUMS: Final = ("orders", "buyers", *MONEY)


def by_group(credits: pl.LazyFrame) -> pl.LazyFrame:
    """Add the group of each credit, for `warehouse.group_sales`."""
    return _keyed(credits.with_columns(_or_unattributed("group_id")), "group_id")


def by_group_and_day(zone: str) -> Keyed:
    """Add the group of each credit and the day of the payment in a zone, for `warehouse.group_sales_day`."""

    def keyed(credits: pl.LazyFrame) -> pl.LazyFrame:
        day = business_day(pl.col("paid_at"), zone)
        return _keyed(credits.with_columns(_or_unattributed("group_id"), day=day), "group_id", "day")

    return keyed


def by_message(credits: pl.LazyFrame) -> pl.LazyFrame:
    """Add the group and the message of each credit, for `warehouse.message_sales`."""
    message = pl.when(pl.col("group_id").is_null()).then(pl.lit(UNATTRIBUTED)).otherwise(_told("message_id"))
    return _keyed(credits.with_columns(_or_unattributed("group_id"), message_id=message), "group_id", "message_id")


def by_segment(groups: pl.LazyFrame) -> Keyed:
    """Add the segment of each credit, once for each breakdown, for `warehouse.segment_sales`.

    Args:
        groups: `schemas.lake.GROUP`; its purpose and carrier are the breakdowns.
    """

    def keyed(credits: pl.LazyFrame) -> pl.LazyFrame:
        known = credits.join(groups.select("group_id", "purpose", "carrier"), on="group_id", how="left")
        return pl.concat(
            _keyed(
                known.with_columns(
                    breakdown=pl.lit(column),
                    segment=pl.when(pl.col("group_id").is_null()).then(pl.lit(UNATTRIBUTED)).otherwise(_told(column)),
                ),
                "breakdown",
                "segment",
            )
            for column in ("purpose", "carrier")
        )

    return keyed


def sales(credits: pl.LazyFrame, keyed: Keyed) -> pl.LazyFrame:
    """Sum credits by model, key and currency, in the columns of the warehouse table that `keyed` is for.

    Args:
        credits: `schemas.lake.ORDER_CREDIT`.
        keyed: Adds the key of a credit.
    """
    rows = keyed(credits)
    return rows.group_by(_key(rows)).agg(
        pl.struct("shop", "order_id").n_unique().cast(pl.Int64).alias("orders"),
        pl.col("person_id").drop_nulls().n_unique().cast(pl.Int64).alias("buyers"),
        pl.col(MONEY).cast(MONEY_SUM).sum(),
    )


@dataclass(frozen=True)
class CreditChange:
    """All credit, before and now, of the orders and buyers with changed credit.

    Sums of other orders and buyers are unchanged.
    """

    orders_before: pl.DataFrame
    orders_now: pl.DataFrame
    buyers_before: pl.DataFrame
    buyers_now: pl.DataFrame

    @classmethod
    def of(cls, changed: Changed, now: pl.LazyFrame) -> CreditChange:
        """Find the credit of the orders and buyers.

        Args:
            changed: The rows of `schemas.lake.ORDER_CREDIT` that differ.
            now: All of its current rows.
        """
        orders = changed.whole(now, ORDER_CREDIT.key, "shop", "order_id")
        return cls(*orders, *changed.whole(now, ORDER_CREDIT.key, "person_id"))


def changed_sales(stored: pl.LazyFrame, change: CreditChange, keyed: Keyed) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add the changes of credit to stored sums.

    Args:
        stored: `sales` of the previous credit.
        change: The changes.
        keyed: The same as for `stored`.

    Returns:
        The current rows of the keys that the change affects, and their stored rows.
    """
    parts = [
        *_signed(change.orders_now, change.orders_before, keyed, ("orders", *MONEY)),
        *_signed(change.buyers_now, change.buyers_before, keyed, ("buyers",)),
    ]
    moved = pl.concat(parts)
    key = [name for name in moved.collect_schema().names() if name not in _SUMS]
    before = stored.join(moved, on=key, how="semi").collect()
    summed = pl.concat([before.lazy().select(*key, *_SUMS), moved]).group_by(key).agg(pl.col(_SUMS).sum())
    # A key has sales as long as any order has a share in it.
    return summed.filter(pl.col("orders") > 0).collect(), before


def _signed(
    now: pl.DataFrame, before: pl.DataFrame, keyed: Keyed, counted: Sequence[str]
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Return the sums of current credit and the negated sums of previous credit; 0 for columns that are not counted."""
    rest = [pl.col(name) * 0 for name in _SUMS if name not in counted]
    gains, losses = sales(now.lazy(), keyed).with_columns(rest), sales(before.lazy(), keyed).with_columns(rest)
    return gains, losses.with_columns(-pl.col(counted))


def _key(rows: pl.LazyFrame) -> list[str]:
    return [name for name in rows.collect_schema().names() if name not in {"shop", "order_id", "person_id", *MONEY}]


def _keyed(credits: pl.LazyFrame, *places: str) -> pl.LazyFrame:
    return credits.select("model", *places, "currency", "shop", "order_id", "person_id", *MONEY)


def _or_unattributed(column: str) -> pl.Expr:
    return pl.col(column).fill_null(UNATTRIBUTED)


def _told(column: str) -> pl.Expr:
    return pl.col(column).fill_null(UNKNOWN)
