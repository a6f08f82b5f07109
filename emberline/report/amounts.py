"""Money as the report writes it: in units of its currency, never added over currencies."""

from __future__ import annotations

import polars as pl

from emberline.cli.reports import amount
from emberline.report.contents import Contents


def with_amounts(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Add, for each `NAME_minor`, the column `NAME` with the amount as text."""
    return frame.with_columns(amount(f"{name}_minor").alias(name) for name in names)


def main_currency(contents: Contents) -> str | None:
    """The currency of most orders; none: there are no sales."""
    orders = contents.sales.group_by("currency").agg(pl.col("orders").sum()).sort("orders", "currency", descending=True)
    return orders["currency"].to_list()[0] if orders.height else None


def sold(contents: Contents) -> dict[str, tuple[list[str], int]]:
    """What each group sold, net: an amount a currency, and minor units of the main currency to sort by."""
    main = main_currency(contents)
    found: dict[str, tuple[list[str], int]] = {}
    frame = with_amounts(contents.sales, "net").sort(pl.col("currency").ne_missing(main), "currency")
    for row in frame.iter_rows(named=True):
        texts, order = found.get(row["group_id"], ([], 0))
        own = int(row["net_minor"]) if row["currency"] == main else 0
        found[row["group_id"]] = ([*texts, f"{row['net']} {row['currency']}"], order + own)
    return found
