"""Sequence numbers that arrived, in lake table `sequence_range`.

New ranges are appended, and merged when there are many. Writing a range twice changes nothing, so the table has no
positions: after a crash, a run writes it again.
"""

from __future__ import annotations

import polars as pl

from pipelines.events.sequences import bounded, union
from pipelines.lake import Lake
from pipelines.lake_additions import MOST_COMMITS, add_rows, put_rows_together
from schemas.lake import SEQUENCE_RANGE


def record_ranges(lake: Lake, ranges: pl.DataFrame) -> None:
    """Add ranges.

    Args:
        lake: The lake of `sequence_range`.
        ranges: Ranges of a batch.
    """
    add_rows(lake, SEQUENCE_RANGE, ranges)


def put_together(lake: Lake, most: int = MOST_COMMITS) -> None:
    """Merge the ranges of each sequence if there were many commits since the last merge."""
    put_rows_together(lake, SEQUENCE_RANGE, lambda rows: bounded(union(rows.collect(engine="streaming"))), most)
