"""Coverage and membership of a group: the best that any of its sources provides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from schemas import kinds

COVERAGES: Final = ("full", "metadata", "mentions", "aggregate")
"""Words of coverage, from complete to least."""

FULL: Final = COVERAGES[0]

MEMBERSHIPS: Final = ("events", "snapshots", "joins_only", "none")
"""Words of membership, from all joins and leaves to none."""

UNTOLD: Final = {"joins_only": ("left",), "none": ("joined", "left")}
"""Counts of `group_day` that are 0 because no source provides them, by membership."""


def widest_coverage() -> pl.Expr:
    """Aggregate events to the widest coverage among those of the group's chat; null: there are none.

    Events of versions that did not record a coverage count as full.
    """
    return _first(COVERAGES, (_any(pl.col("coverage").fill_null(FULL), word) for word in COVERAGES))


def best_membership() -> pl.Expr:
    """Aggregate events to the best membership among those of the group's chat; null: not known."""
    return _first(MEMBERSHIPS, (_any(pl.col("membership"), word) for word in MEMBERSHIPS))


def coverage_so_far() -> pl.Expr:
    """Return the widest coverage of a group up to each day; rows are sorted by group and day."""
    return _so_far("coverage", COVERAGES)


def membership_so_far() -> pl.Expr:
    """Return the best membership of a group up to each day; rows are sorted by group and day."""
    return _so_far("membership", MEMBERSHIPS)


def _any(words: pl.Expr, word: str) -> pl.Expr:
    return (words.filter(pl.col("type").is_in(kinds.OF_CHAT)) == word).any()


def _so_far(column: str, words: Sequence[str]) -> pl.Expr:
    return _first(words, ((pl.col(column) == word).fill_null(value=False).cum_max().over("group_id") for word in words))


def _first(words: Sequence[str], conditions: Iterable[pl.Expr]) -> pl.Expr:
    """Return the first word whose condition is true."""
    return pl.coalesce(pl.when(holds).then(pl.lit(word)) for holds, word in zip(conditions, words, strict=True))
