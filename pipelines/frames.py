"""What two frames of the same columns have and have not in common."""

from __future__ import annotations

import polars as pl


def in_one_only(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """The rows that only one of two frames has, neither of which has a row twice; nulls are alike."""
    rows = pl.concat([one, other])
    return rows.filter(~rows.is_duplicated())
