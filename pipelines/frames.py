"""Compare the rows of two frames with the same columns."""

from __future__ import annotations

import polars as pl


def in_one_only(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that only one of two frames has; each frame has distinct rows, and nulls are equal."""
    rows = pl.concat([one, other])
    return rows.filter(~rows.is_duplicated())


def differing(one: pl.DataFrame, other: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return, for each of two frames with the same columns, the rows the other does not have; nulls are equal.

    Rows are paired by a hash and then compared value by value: a join by all columns takes four times as long.
    """
    pairs = _hashes(one).join(_hashes(other), on="hash")
    values = pl.DataFrame(
        [one[name].gather(pairs["row"]).eq_missing(other[name].gather(pairs["row_right"])) for name in one.columns]
    )
    alike = pairs.filter(values.select(pl.all_horizontal(pl.all())).to_series())
    return _without(one, alike["row"]), _without(other, alike["row_right"])


def _hashes(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({"hash": rows.hash_rows()}).with_row_index("row")


def _without(rows: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    return rows.filter(~pl.int_range(pl.len()).is_in(numbers.cast(pl.Int64).implode()))
