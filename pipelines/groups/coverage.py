"""How much of a group its sources see, and what they tell of its members: of several the one that tells most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from schemas import kinds

COVERAGES: Final = ("full", "metadata", "mentions", "aggregate")
"""From all of a group to the least of it."""

FULL: Final = COVERAGES[0]

MEMBERSHIPS: Final = ("events", "snapshots", "joins_only", "none")
"""From each joining and leaving to none of them."""

UNTOLD: Final = {"joins_only": ("left",), "none": ("joined", "left")}
"""The counts of `group_day` that are 0 because nobody tells, by membership."""


def widest_coverage() -> pl.Expr:
    """Aggregate events to the widest coverage of those of the group's chat; null: there are none.

    Events from before carriers said what they see count as full.
    """
    return _first(COVERAGES, (_any(pl.col("coverage").fill_null(FULL), word) for word in COVERAGES))


def best_membership() -> pl.Expr:
    """Aggregate events to what is best told of joins and leaves by those of the group's chat; null: not known."""
    return _first(MEMBERSHIPS, (_any(pl.col("membership"), word) for word in MEMBERSHIPS))


def coverage_so_far() -> pl.Expr:
    """The widest coverage of each group's days up to each; rows lie by group and day."""
    return _so_far("coverage", COVERAGES)


def membership_so_far() -> pl.Expr:
    """The best membership of each group's days up to each; rows lie by group and day."""
    return _so_far("membership", MEMBERSHIPS)


def _any(told: pl.Expr, word: str) -> pl.Expr:
    return (told.filter(pl.col("type").is_in(kinds.OF_CHAT)) == word).any()


def _so_far(column: str, words: Sequence[str]) -> pl.Expr:
    return _first(words, ((pl.col(column) == word).fill_null(value=False).cum_max().over("group_id") for word in words))


def _first(words: Sequence[str], is_told: Iterable[pl.Expr]) -> pl.Expr:
    """The first of the words that is told."""
    return pl.coalesce(pl.when(told).then(pl.lit(word)) for told, word in zip(is_told, words, strict=True))
