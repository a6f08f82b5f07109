"""Money as the report writes it: in units of its currency, never added over currencies."""

from __future__ import annotations

import polars as pl

from emberline.published import with_amounts
from emberline.report.contents import Contents


def currencies(sales: pl.DataFrame) -> list[str]:
    """The currencies of rows with `currency` and `orders`, that of most orders first."""
    orders = sales.group_by("currency").agg(pl.col("orders").sum()).sort("orders", "currency", descending=True)
    return orders["currency"].to_list()


def sold(contents: Contents) -> dict[str, tuple[list[str], int]]:
    """What each group sold, net: one amount per currency as text, and minor units of the main currency to sort by."""
    main = next(iter(currencies(contents.sales)), None)
    found: dict[str, tuple[list[str], int]] = {}
    frame = with_amounts(contents.sales, "net").sort(pl.col("currency").ne_missing(main), "currency")
    for row in frame.iter_rows(named=True):
        texts, order = found.get(row["group_id"], ([], 0))
        own = int(row["net_minor"]) if row["currency"] == main else 0
        found[row["group_id"]] = ([*texts, f"{row['net']} {row['currency']}"], order + own)
    return found
