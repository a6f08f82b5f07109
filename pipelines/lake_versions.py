"""A lake table beside an earlier version of itself: whether that is there still, and in which months they differ."""

from __future__ import annotations

import zlib
from typing import Final

import polars as pl

from pipelines.lake import Handle, Lake

_MONTH: Final = "month"


def files_fingerprint(handle: Handle) -> int:
    """A number that tells versions of tables apart by their data files, whose names Delta never gives twice."""
    return zlib.crc32("\n".join(sorted(_files(handle)["path"])).encode())


def earlier(lake: Lake, now: Handle, version: int | None, fingerprint: int | None) -> Handle | None:
    """A table as it was at a version; None where it cannot be read any more.

    Args:
        lake: Holds the table.
        now: The table.
        version: The Delta version that is wanted. A table taken back from a backup gives its numbers again.
        fingerprint: `files_fingerprint` of that version.
    """
    before = None if version is None else lake.at(now, version)
    return before if before is not None and files_fingerprint(before) == fingerprint else None


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
    """`path` of the data files, and the `month` they are of where the table is partitioned by it."""
    files = pl.DataFrame(handle.delta.get_add_actions(flatten=True))
    if files.is_empty():
        return pl.DataFrame(schema={"path": pl.String, _MONTH: pl.Date})
    month = (
        pl.col(f"partition.{_MONTH}").cast(pl.Date) if _MONTH in handle.table.partition_by else pl.lit(None, pl.Date)
    )
    return files.select("path", month.alias(_MONTH))
