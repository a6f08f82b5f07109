"""What is missing of the numbers that platforms give what they send."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from pipelines.events.sequences import MISSING, missing
from pipelines.events.watermark import watermark
from pipelines.lake import Lake
from pipelines.printable import counted, printable_name
from pipelines.refresh.recent import recent_events
from schemas.lake import EVENTS, SEQUENCE_RANGE

SHOWN_FOR: Final = dt.timedelta(days=28)
"""A gap is shown for so long after what came behind it, in the time of the events."""


@dataclass(frozen=True)
class Lateness:
    """How late an event may come, and after how long a silent source counts no more; see `watermark`."""

    allowed: dt.timedelta
    idle: dt.timedelta


def missing_numbers(lake: Lake, lateness: Lateness) -> pl.DataFrame:
    """Find the numbers that are missing; no table is created.

    What is newer than the watermark counts as still under way.

    Args:
        lake: holds `sequence_range`, or not yet.
        lateness: of the watermark.

    Returns:
        `MISSING`, of the 28 days up to the watermark.
    """
    ranges, events = lake.find(SEQUENCE_RANGE), lake.find(EVENTS)
    found = pl.DataFrame(schema=MISSING) if ranges is None else missing(ranges.scan().collect(engine="streaming"))
    if found.is_empty() or events is None:
        return found.clear()
    through = watermark(recent_events(events, lateness.idle), lateness.allowed, lateness.idle)
    if through is None:
        return found.clear()
    return found.filter(pl.col("before").is_between(through - SHOWN_FOR, through))


def by_sequence(found: pl.DataFrame) -> pl.DataFrame:
    """Sum what is missing of each sequence, most first: `MISSING` with `n_gaps`."""
    sums = found.group_by("source", "sequence", "group_id").agg(
        pl.col("numbers").sum(),
        pl.col("from_number", "after").min(),
        pl.col("to_number", "before").max(),
        n_gaps=pl.len(),
    )
    return sums.sort("numbers", "source", "sequence", descending=[True, False, False])


def sentence(row: Mapping[str, Any]) -> str:
    """Say what a row of `by_sequence` says."""
    sequence, source = printable_name(row["sequence"]), printable_name(row["source"])
    return (
        f"{counted(row['numbers'], 'number')} of {sequence} ({source}), {row['from_number']} to "
        f"{row['to_number'] - 1} in {counted(row['n_gaps'], 'gap')}, sent from {row['after']:%Y-%m-%d %H:%M} to "
        f"{row['before']:%Y-%m-%d %H:%M} UTC."
    )
