"""Reset `events`, so that all of `raw` is decoded again and every fact is computed from scratch.

One commit of `events` resets its positions and marks the reset as unfinished. To finish it, rows are dropped,
quarantine is emptied, and recorded inputs of facts are cleared. The next writer of events finishes it first, so a crash
in between loses nothing. Rows of records whose values were removed are kept, because they cannot be decoded again.
Batch numbers continue, so that decoded events are later than anything that facts include.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.ingest.counts import counters
from pipelines.ingest.feeds import app_id
from pipelines.ingest.kept import drop_copies, drop_events, drop_records, drop_statements, kept_counts
from pipelines.ingest.payload_census import drop_census
from pipelines.ingest.removed_records import removed_records
from pipelines.inputs import input_id, reset_inputs
from pipelines.lake import Handle, Lake
from pipelines.lake_values import fence_removals
from schemas.lake import CONTROL_TOTAL, EVENTS, FACTS, FEED, IGNORED, QUARANTINE, SEQUENCE_RANGE, LakeTable

BATCH: Final = "batch"
"""The application transaction that counts the batches of `events`."""

RESET: Final = "reset/batch"
"""The application transaction with the batch of the newest reset; events decoded after it have later batches."""

_PENDING: Final = "reset/pending"
"""Whether a reset of `events` is unfinished: 1 or 0."""

_KEPT_THROUGH: Final = "reset/kept_through"
"""Newest removal of values, in microseconds since 1970, for which `events` has kept the rows."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def reset_events(lake: Lake, events: Handle, others: dict[str, int]) -> None:
    """Reset the positions of `events`; see `finish_reset`.

    Args:
        lake: The lake of `feed`.
        events: Handle of `EVENTS`, which includes every record without a value; its data files are not read.
        others: Further positions to set in the commit.

    Raises:
        LakeConflict: Another writer committed since the handle was loaded.
    """
    number = max(events.position(BATCH) or 0, _newest_of_facts(lake)) + 1
    positions = {**others, **_beginnings(lake), BATCH: number, RESET: number, _PENDING: 1, _KEPT_THROUGH: 0}
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), positions)


def begin_after_facts(lake: Lake, events: Handle) -> None:
    """Start the batches of a lost and recreated events table after those that facts include."""
    if events.position(BATCH) is not None:
        return
    if newest := _newest_of_facts(lake):
        number = newest + 1
        lake.append(events, pl.DataFrame(schema=EVENTS.schema), {BATCH: number, RESET: number, _PENDING: 1})


def finish_reset(lake: Lake, events: Handle, zone: str) -> None:
    """Finish a reset of `events`: drop rows that are decoded again, and clear recorded inputs of facts.

    Args:
        lake: The lake of all tables.
        events: Handle of `EVENTS`.
        zone: Zone of the days of kept rows.

    Raises:
        LakeConflict: Another writer was faster.
        LakeDamaged: Rows must be kept, but files of `events` are missing.
    """
    if not events.position(_PENDING):
        return
    # Positions are reset, so a removal of values that starts now spares all; the commit of an older one is refused.
    removed = removed_records(fence_removals(lake))
    drop_events(lake, events, removed, zone)
    quarantine, ignored = (drop_records(lake, table, removed, _beginnings(lake)) for table in (QUARANTINE, IGNORED))
    drop_copies(lake, removed, zone)
    for table in (SEQUENCE_RANGE, CONTROL_TOTAL):
        drop_statements(lake, table, removed)
    drop_census(lake)
    reset_facts(lake)
    done = counters(kept_counts(lake, events, removed, quarantine, ignored)) | {_PENDING: 0}
    if removed.newest is not None and kept_through(events) is not None:
        done[_KEPT_THROUGH] = (removed.newest - _EPOCH) // dt.timedelta(microseconds=1)
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), done)


def kept_through(events: Handle) -> dt.datetime | None:
    """Return the newest removal of values, UTC, for which `events` has kept all rows; None: it was never reset.

    Records whose values were removed later were decoded since, or their rows are lost.
    """
    stored = events.position(_KEPT_THROUGH)
    return None if stored is None else _EPOCH + dt.timedelta(microseconds=stored)


def reset_facts(lake: Lake) -> None:
    """Clear the recorded inputs of all facts, so that their next refreshes compute them from scratch."""
    for table in _facts(lake):
        reset_inputs(lake, lake.open(table))


def _newest_of_facts(lake: Lake) -> int:
    return max((lake.open(table).position(input_id(BATCH)) or 0 for table in _facts(lake)), default=0)


def _facts(lake: Lake) -> list[LakeTable]:
    return [table for table in FACTS if lake.has(table)]


def _beginnings(lake: Lake) -> dict[str, int]:
    """Return the position before the first record of each partition of `raw`."""
    feeds = lake.open(FEED).scan().select("topic_id", "partition", "from_offset").collect()
    return {app_id(topic_id, partition): start for topic_id, partition, start in feeds.iter_rows()}
