"""Which months of a lake table differ between two versions of it, by the files that they are in."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.lake import Handle

_MONTH: Final = "month"


def changed_months(before: Handle, now: Handle) -> pl.Series:
    """The months whose files only one of two versions has: those of rows that differ are among them.

    Args:
        before: A version of a table that is partitioned by month.
        now: Another version of it.
    """
    files = pl.concat([_files(before), _files(now)])
    return files.filter(~pl.struct("path", _MONTH).is_duplicated())[_MONTH].unique()


def in_months(months: pl.Series) -> pl.Expr:
    """Whether a row is of these months."""
    return pl.col(_MONTH).is_in(months.implode())


def _files(handle: Handle) -> pl.DataFrame:
    """`path, month` of the data files."""
    files = pl.DataFrame(handle.delta.get_add_actions(flatten=True))
    if files.is_empty():
        return pl.DataFrame(schema={"path": pl.String, _MONTH: pl.Date})
    return files.select("path", pl.col(f"partition.{_MONTH}").cast(pl.Date).alias(_MONTH))
