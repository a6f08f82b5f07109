"""Missing sequence numbers of platforms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from pipelines.events.sequences import MISSING, missing
from pipelines.events.watermark import watermark
from pipelines.lake import Handle, Lake
from pipelines.printable import counted, printable_name
from pipelines.refresh.recent import recent_events
from schemas.lake import EVENTS, SEQUENCE_RANGE

SHOWN_FOR: Final = dt.timedelta(days=28)
"""A gap is shown for this long after the record behind it, in event time."""


@dataclass(frozen=True)
class Lateness:
    """Allowed lateness of events, and the timeout of idle sources; see `watermark`."""

    allowed: dt.timedelta
    idle: dt.timedelta


def missing_numbers(lake: Lake, lateness: Lateness) -> pl.DataFrame:
    """Return the missing sequence numbers; no table is created.

    Numbers newer than the watermark may still arrive and do not count.

    Args:
        lake: The lake of `sequence_range`, which need not exist.
        lateness: Allowed lateness of the watermark.

    Returns:
        `MISSING`, of the 28 days up to the watermark.
    """
    ranges, events = lake.find(SEQUENCE_RANGE), lake.find(EVENTS)
    found = pl.DataFrame(schema=MISSING) if ranges is None else missing(ranges.scan().collect(engine="streaming"))
    if found.is_empty() or events is None:
        return found.clear()
    through = complete_through(events, lateness)
    if through is None:
        return found.clear()
    return found.filter(pl.col("before").is_between(through - SHOWN_FOR, through))


def complete_through(events: Handle, lateness: Lateness) -> dt.datetime | None:
    """Return the watermark of the stored events; None without events."""
    return watermark(recent_events(events, lateness.idle), lateness.allowed, lateness.idle)


def by_sequence(found: pl.DataFrame) -> pl.DataFrame:
    """Sum the missing numbers by sequence, the most first: `MISSING` with `n_gaps`."""
    sums = found.group_by("source", "sequence", "group_id").agg(
        pl.col("numbers").sum(),
        pl.col("from_number", "after").min(),
        pl.col("to_number", "before").max(),
        n_gaps=pl.len(),
    )
    return sums.sort("numbers", "source", "sequence", descending=[True, False, False])


def sentence(row: Mapping[str, Any]) -> str:
    """Return a row of `by_sequence` as a sentence."""
    sequence, source = printable_name(row["sequence"]), printable_name(row["source"])
    return (
        f"{counted(row['numbers'], 'number')} of {sequence} ({source}), {row['from_number']} to "
        f"{row['to_number'] - 1} in {counted(row['n_gaps'], 'gap')}, sent from {row['after']:%Y-%m-%d %H:%M} to "
        f"{row['before']:%Y-%m-%d %H:%M} UTC."
    )
