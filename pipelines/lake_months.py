"""Which months a lake table has, and in which two versions of it differ: by its files, of which none is read."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.lake import Handle

_MONTH: Final = "month"


def months_of(table: Handle) -> list[dt.date]:
    """The months that a table has rows of, in any order."""
    return [dt.date.fromisoformat(partition[_MONTH]) for partition in table.delta.partitions()]


def changed_months(before: Handle, now: Handle) -> pl.Series:
    """The months whose files only one of two versions has: those of rows that differ are among them.

    Args:
        before: A version of a table that is partitioned by month.
        now: Another version of it.
    """
    return in_one_only(_files(before), _files(now))[_MONTH].unique()


def replaced_months(before: Handle, now: Handle) -> pl.Series:
    """The months in which a later version has not got all files of an earlier one; to others it only added rows.

    Args:
        before: The earlier version of a table that is partitioned by month.
        now: The later one.
    """
    return _files(before).join(_files(now), on="path", how="anti")[_MONTH].unique()


def in_months(months: pl.Series) -> pl.Expr:
    """Whether a row is of these months."""
    return pl.col(_MONTH).is_in(months.implode())


def _files(handle: Handle) -> pl.DataFrame:
    """`path, month` of the data files."""
    files = pl.DataFrame(handle.delta.get_add_actions(flatten=True))
    if files.is_empty():
        return pl.DataFrame(schema={"path": pl.String, _MONTH: pl.Date})
    return files.select("path", pl.col(f"partition.{_MONTH}").cast(pl.Date).alias(_MONTH))
