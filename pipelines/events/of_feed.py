"""Which events a source's feed sent, and which people noted."""

from __future__ import annotations

import polars as pl

from schemas import kinds


def is_of_feed() -> pl.Expr:
    """True for what a connector or a shop sent; false for a note of a person, which comes at any time.

    A note says nothing of how far the data is complete, nor of whether a source or a group is alive.
    """
    return pl.col("type").ne_missing(kinds.GROUP_INTERVENTION)
