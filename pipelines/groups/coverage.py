"""How much of a group its sources see: of several the one that sees most."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import kinds

COVERAGES: Final = ("full", "metadata", "mentions", "aggregate")
"""From all of a group to the least of it."""

FULL: Final = COVERAGES[0]


def widest_coverage() -> pl.Expr:
    """Aggregate events to the widest coverage of those of the group's chat; null: there are none.

    Events from before carriers said what they see count as full.
    """
    seen = pl.col("coverage").fill_null(FULL).filter(pl.col("type").is_in(kinds.OF_CHAT))
    return pl.coalesce(pl.when((seen == word).any()).then(pl.lit(word)) for word in COVERAGES)


def coverage_so_far() -> pl.Expr:
    """The widest coverage of each group's days up to each; rows lie by group and day."""
    is_seen = ((pl.col("coverage") == word).fill_null(value=False).cum_max().over("group_id") for word in COVERAGES)
    return pl.coalesce(pl.when(seen).then(pl.lit(word)) for seen, word in zip(is_seen, COVERAGES, strict=True))
