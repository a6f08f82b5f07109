"""Distinguish events sent by sources from those recorded by people."""

from __future__ import annotations

import polars as pl

from schemas import kinds


def is_of_feed() -> pl.Expr:
    """True for events that a connector or a shop sent, false for those that people recorded, such as notes and costs.

    The latter are no evidence of how far data is complete, or that a source or a group is alive.
    """
    return ~pl.col("type").is_in(kinds.SAID_BY_PEOPLE).fill_null(value=False)
