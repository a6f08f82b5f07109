"""Lake tables to which every batch adds rows, in whatever order and perhaps twice: many are put together to few.

They need no positions: what a run that died has added, the next one adds again, and readers take it once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import polars as pl

from pipelines.lake import Lake, LakeConflict
from schemas.lake import LakeTable

MOST_COMMITS: Final = 50
"""After so many, rows are put together."""

_TOGETHER: Final = "content/together"
"""The application transaction that says after which commit rows were put together."""


def add_rows(lake: Lake, table: LakeTable, rows: pl.DataFrame) -> None:
    """Add rows, if there are any."""
    while not rows.is_empty():
        # Upkeep may have put files together meanwhile: what is to be added is the same.
        with suppress(LakeConflict):
            lake.append(lake.open(table), rows, {})
            return


def put_rows_together(
    lake: Lake, table: LakeTable, together: Callable[[pl.LazyFrame], pl.DataFrame], most: int = MOST_COMMITS
) -> None:
    """Replace all rows by fewer that say the same, if many commits added some since that was done last.

    Args:
        lake: holds the table.
        table: the rows of which are put together.
        together: all rows -> those that take their place.
        most: commits.
    """
    handle = lake.open(table)
    if handle.content - (handle.position(_TOGETHER) or 0) < most:
        return
    # Who was faster has added rows or put files together: it is done next time.
    with suppress(LakeConflict):
        lake.replace(handle, together(handle.scan()), {_TOGETHER: handle.content + 1})
