"""Which numbers of sequences arrived, in lake table `sequence_range`.

Only what is new is written; ranges are put together when they have become many. A range that is written twice changes
nothing, so the table has no positions: a run that died writes it again.
"""

from __future__ import annotations

import polars as pl

from pipelines.events.sequences import bounded, union
from pipelines.ingest.removed_records import RemovedRecords
from pipelines.lake import Lake
from pipelines.lake_additions import MOST_COMMITS, add_rows, put_rows_together
from schemas.lake import SEQUENCE_RANGE


def record_ranges(lake: Lake, ranges: pl.DataFrame) -> None:
    """Add ranges.

    Args:
        lake: holds `sequence_range`.
        ranges: of a batch.
    """
    add_rows(lake, SEQUENCE_RANGE, ranges)


def put_together(lake: Lake, most: int = MOST_COMMITS) -> None:
    """Put the ranges of each sequence together, if many commits added some since that was done last."""
    put_rows_together(lake, SEQUENCE_RANGE, lambda rows: bounded(union(rows.collect(engine="streaming"))), most)


def drop_ranges(lake: Lake, removed: RemovedRecords) -> None:
    """Drop what is decoded again. Where values were removed all ranges stay: of which records they are is not known."""
    if not removed.records:
        lake.replace(lake.open(SEQUENCE_RANGE), pl.DataFrame(schema=SEQUENCE_RANGE.schema), {})
