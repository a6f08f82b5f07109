"""The months of a lake table, and those in which two versions differ; by the log, without reading data files."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.lake import Handle

_MONTH: Final = "month"


def months_of(table: Handle) -> list[dt.date]:
    """Return the months a table has rows in, in any order."""
    return [dt.date.fromisoformat(partition[_MONTH]) for partition in table.delta.partitions()]


def changed_months(before: Handle, now: Handle) -> pl.Series:
    """Return the months whose files differ between two versions: a superset of those whose rows differ.

    Args:
        before: A version of a table that is partitioned by month.
        now: Another version of it.
    """
    return in_one_only(_files(before), _files(now))[_MONTH].unique()


def replaced_months(before: Handle, now: Handle) -> pl.Series:
    """Return the months in which a later version lacks files of an earlier one; in others it only added rows.

    Args:
        before: The earlier version of a table that is partitioned by month.
        now: The later one.
    """
    return _files(before).join(_files(now), on="path", how="anti")[_MONTH].unique()


def in_months(months: pl.Series) -> pl.Expr:
    """Whether a row is in these months."""
    return pl.col(_MONTH).is_in(months.implode())


def _files(handle: Handle) -> pl.DataFrame:
    """Return `path` and `month` of the data files."""
    files = pl.DataFrame(handle.delta.get_add_actions(flatten=True))
    if files.is_empty():
        return pl.DataFrame(schema={"path": pl.String, _MONTH: pl.Date})
    return files.select("path", pl.col(f"partition.{_MONTH}").cast(pl.Date).alias(_MONTH))
