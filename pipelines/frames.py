"""Compare the rows of two frames with the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import polars as pl

_RIGHT: Final = " of the other"


def in_one_only(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that only one of two frames has; each frame has distinct rows, and nulls are equal."""
    if one.is_empty() or other.is_empty():
        return one if other.is_empty() else other
    rows = pl.concat([one, other])
    return rows.filter(~rows.is_duplicated())


def differing(one: pl.DataFrame, other: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return, for each of two frames with the same columns, the rows the other does not have; nulls are equal.

    Rows are paired by a hash and then compared value by value: a join by all columns takes four times as long.
    """
    if one.is_empty() or other.is_empty():
        return one, other
    pairs = _hashes(one).join(_hashes(other), on="hash")
    left = one[pairs["row"]]
    right = other[pairs["row_right"]].select(pl.all().name.suffix(_RIGHT))
    are_alike = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}{_RIGHT}")) for name in one.columns)
    alike = pairs.filter(pl.concat([left, right], how="horizontal").select(are_alike).to_series())
    return _without(one, alike["row"]), _without(other, alike["row_right"])


def with_values(rows: pl.LazyFrame, values: pl.DataFrame) -> pl.LazyFrame:
    """Return the rows that share the values of all columns of `values` with one of its rows; null equals nothing."""
    # Polars skips rows while it reads them by the values of a column, but not by a join.
    may_be = pl.all_horizontal(pl.col(name).is_in(values[name].unique().implode()) for name in values.columns)
    return rows.filter(may_be).join(values.lazy(), on=values.columns, how="semi")


def _hashes(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({"hash": rows.hash_rows()}).with_row_index("row")


def _without(rows: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    return rows.filter(~pl.int_range(pl.len()).is_in(numbers.cast(pl.Int64).implode()))


@dataclass(frozen=True)
class Changed:
    """The difference between two versions of a table.

    Attributes:
        gone: The rows that only the earlier version has.
        come: The rows that only the later version has, and those whose key occurs twice in what was written.
    """

    gone: pl.DataFrame
    come: pl.DataFrame

    @classmethod
    def between(cls, key: Sequence[str], old: pl.DataFrame, new: pl.DataFrame) -> Self:
        """Compare rows of two versions, those that can differ; nulls are equal.

        Args:
            key: Columns that are distinct, unless the new rows are broken.
            old: Rows of the earlier version.
            new: Rows of the later one, with the same columns.
        """
        gone, come = differing(old, new)
        # Duplicate keys are kept, so that the audit finds them.
        is_twice = new.select(key).is_duplicated()
        if not is_twice.any():
            return cls(gone, come)
        twice = new.filter(is_twice)
        once = old.join(twice, on=key, how="semi", nulls_equal=True)
        return cls(pl.concat([_lacking(gone, once), once]), pl.concat([_lacking(come, twice), twice]))

    @classmethod
    def none(cls, rows: pl.DataFrame) -> Self:
        """Return the difference of two equal versions, in the columns of these rows."""
        return cls(rows.clear(), rows.clear())

    @property
    def is_empty(self) -> bool:
        """Whether no row differs."""
        return self.gone.is_empty() and self.come.is_empty()

    @property
    def rows(self) -> pl.DataFrame:
        """The rows that only one of the versions has."""
        return pl.concat([self.gone, self.come])

    def whole(self, now: pl.LazyFrame, key: Sequence[str], *columns: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return all rows, before and now, that share the values of some columns with any row that differs.

        Args:
            now: All rows of the later version, in the columns of this change.
            key: Their key; nulls are equal.
            columns: The columns; a row in which one of them is null is left out.
        """
        differ = self.rows.select(columns).drop_nulls().unique()
        rows = with_values(now, differ).collect(engine="streaming")
        gone, come = (rows.join(differ, on=columns, how="semi") for rows in (self.gone, self.come))
        return pl.concat([rows.join(come, on=key, how="anti", nulls_equal=True), gone]), rows

    def then(self, key: Sequence[str], later: Changed) -> Changed:
        """Return the difference from before this change to after a later one."""
        old = pl.concat([self.gone, _lacking(later.gone, self.come)])
        new = pl.concat([_lacking(self.come, later.gone), later.come])
        return Changed.between(key, old, new)


def _lacking(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return differing(rows, others)[0]
