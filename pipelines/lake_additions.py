"""Lake tables that every batch appends to, in any order and perhaps twice; many rows are merged into few at times.

They need no positions: a run that died is repeated and appends the same rows again, and readers drop duplicates.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import polars as pl

from pipelines.lake import Lake, LakeConflict
from schemas.lake import LakeTable

MOST_COMMITS: Final = 50
"""Commits after which rows are merged."""

_TOGETHER: Final = "content/together"
"""The application transaction that records after which commit rows were last merged."""


def add_rows(lake: Lake, table: LakeTable, rows: pl.DataFrame) -> None:
    """Append rows, if there are any."""
    while not rows.is_empty():
        # Maintenance may have compacted files meanwhile: the rows to append are the same.
        with suppress(LakeConflict):
            lake.append(lake.open(table), rows, {})
            return


def put_rows_together(
    lake: Lake, table: LakeTable, together: Callable[[pl.LazyFrame], pl.DataFrame], most: int = MOST_COMMITS
) -> None:
    """Replace all rows by fewer equivalent ones, if many commits have appended rows since the last time.

    Args:
        lake: holds the table.
        table: the table whose rows are merged.
        together: all rows -> the rows that replace them.
        most: commits after which rows are merged.
    """
    handle = lake.open(table)
    if handle.content - (handle.position(_TOGETHER) or 0) < most:
        return
    # Another writer has appended rows or compacted files: merge next time.
    with suppress(LakeConflict):
        lake.replace(handle, together(handle.scan()), {_TOGETHER: handle.content + 1})
