"""Which events a source's feed sent, and which people say."""

from __future__ import annotations

import polars as pl

from schemas import kinds


def is_of_feed() -> pl.Expr:
    """True for what a connector or a shop sent; false for what people say, such as notes and costs, at any time.

    That says nothing of how far the data is complete, nor of whether a source or a group is alive.
    """
    return ~pl.col("type").is_in(kinds.SAID_BY_PEOPLE).fill_null(value=False)
