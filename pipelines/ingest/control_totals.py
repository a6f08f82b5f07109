"""Control totals of platforms, in lake table `control_total`.

New totals are appended, and replaced ones dropped when there are many. Writing a total twice changes nothing.
"""

from __future__ import annotations

import polars as pl

from pipelines.events.control_totals import newest
from pipelines.events.suppression import Suppression
from pipelines.lake import Lake
from pipelines.lake_additions import MOST_COMMITS, add_rows, put_rows_together
from schemas.lake import CONTROL_TOTAL


def record_totals(lake: Lake, totals: pl.DataFrame) -> None:
    """Add the totals of a batch."""
    add_rows(lake, CONTROL_TOTAL, totals)


def put_totals_together(lake: Lake, most: int = MOST_COMMITS) -> None:
    """Drop replaced totals if there were many commits since the last time."""
    put_rows_together(lake, CONTROL_TOTAL, lambda rows: newest(rows.collect(engine="streaming")), most)


def drop_owners(lake: Lake, suppression: Suppression) -> None:
    """Drop the totals of erased owners."""
    handle = lake.open(CONTROL_TOTAL)
    rows = handle.scan().collect(engine="streaming")
    if (erased := suppression.covers(rows["owner_id"])).any():
        lake.replace(handle, rows.filter(~erased), {})
