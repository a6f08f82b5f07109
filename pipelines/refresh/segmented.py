"""Check whether groups changed their segment (purpose or carrier), which rules out an update of counts."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.lake import Handle
from pipelines.refresh.versions import rows_read

_SEGMENTED: Final = ("group_id", "purpose", "carrier")


def are_segments_others(before: Handle | None, now: Handle, counted: Handle) -> bool:
    """Whether a counted group changed its segment, or may have.

    Args:
        before: `schemas.lake.GROUP` at the time of counting; None: no longer available.
        now: The current `schemas.lake.GROUP`.
        counted: The version of the table that was counted, with `group_id`.
    """
    was = None if before is None else rows_read(before, lambda rows: rows.select(_SEGMENTED))
    if was is None:
        return True
    changed = in_one_only(was, now.scan().select(_SEGMENTED).collect())["group_id"].unique()
    if changed.is_empty():
        return False
    is_changed = pl.col("group_id").is_in(changed.implode())
    there = rows_read(counted, lambda rows: rows.filter(is_changed).select("group_id").head(1))
    return there is None or not there.is_empty()
