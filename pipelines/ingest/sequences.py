"""Which numbers of sequences arrived, in lake table `sequence_range`.

Only what is new is written; ranges are put together when they have become many. A range that is written twice changes
nothing, so the table has no positions: a run that died writes it again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import polars as pl

from pipelines.events.sequences import bounded, union
from pipelines.ingest.removed_records import RemovedRecords
from pipelines.lake import Lake, LakeConflict
from schemas.lake import SEQUENCE_RANGE

MOST_COMMITS: Final = 50
"""After so many the ranges are put together."""

_TOGETHER: Final = "content/together"
"""The application transaction that says after which commit ranges were put together."""


def record_ranges(lake: Lake, ranges: pl.DataFrame) -> None:
    """Add ranges.

    Args:
        lake: holds `sequence_range`.
        ranges: of a batch.
    """
    while not ranges.is_empty():
        # Upkeep may have put files together meanwhile: what is to be added is the same.
        with suppress(LakeConflict):
            lake.append(lake.open(SEQUENCE_RANGE), ranges, {})
            return


def put_together(lake: Lake, most: int = MOST_COMMITS) -> None:
    """Put the ranges of each sequence together, if many commits added some since that was done last."""
    handle = lake.open(SEQUENCE_RANGE)
    if handle.content - (handle.position(_TOGETHER) or 0) < most:
        return
    ranges = bounded(union(handle.scan().collect(engine="streaming")))
    # Who was faster has added a range or put files together: it is done next time.
    with suppress(LakeConflict):
        lake.replace(handle, ranges, {_TOGETHER: handle.content + 1})


def drop_ranges(lake: Lake, removed: RemovedRecords) -> None:
    """Drop what is decoded again. Where values were removed all ranges stay: of which records they are is not known."""
    if not removed.records:
        lake.replace(lake.open(SEQUENCE_RANGE), pl.DataFrame(schema=SEQUENCE_RANGE.schema), {})
