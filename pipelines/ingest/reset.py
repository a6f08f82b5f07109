"""Begin `events` again, so that all of `raw` is decoded again and every fact is computed from scratch.

One commit of `events` takes its positions back and says that the rest has yet to follow: rows are dropped, quarantine
begins again, and facts forget what they include. Whoever writes events next finishes that first, so a crash in between
loses nothing. Rows stay that were made of records whose values were removed: nothing can make them again. Batches are
counted on: to facts, what is decoded again is later than anything they have seen.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.ingest.counts import counters
from pipelines.ingest.feeds import app_id
from pipelines.ingest.kept import drop_copies, drop_events, drop_records, kept_counts
from pipelines.ingest.payload_census import drop_census
from pipelines.ingest.removed_records import removed_records
from pipelines.ingest.sequences import drop_ranges
from pipelines.inputs import forget_inputs, input_id
from pipelines.lake import Handle, Lake
from pipelines.lake_values import fence_removals
from schemas.lake import EVENTS, FACTS, FEED, IGNORED, QUARANTINE, LakeTable

BATCH: Final = "batch"
"""The application transaction that counts the batches of `events`."""

RESET: Final = "reset/batch"
"""The application transaction that holds the batch of the newest reset: what is decoded again has later ones."""

_PENDING: Final = "reset/pending"
"""Whether rows, facts and quarantine have yet to follow a reset of `events`: 1 or 0."""

_KEPT_THROUGH: Final = "reset/kept_through"
"""Up to which removal of values, in microseconds of the epoch, `events` has kept what was made of the records."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def reset_events(lake: Lake, events: Handle, others: dict[str, int]) -> None:
    """Take the positions of `events` back; see `finish_reset`.

    Args:
        lake: holds `feed`.
        events: of `EVENTS`, which includes every record without a value; its data files are not read.
        others: positions that this commit moves, too.

    Raises:
        LakeConflict: another writer committed since the handle was loaded.
    """
    number = max(events.position(BATCH) or 0, _newest_of_facts(lake)) + 1
    positions = {**others, **_beginnings(lake), BATCH: number, RESET: number, _PENDING: 1, _KEPT_THROUGH: 0}
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), positions)


def begin_after_facts(lake: Lake, events: Handle) -> None:
    """Let a table of events that was lost, and made again without a row, begin behind what facts include of it."""
    if events.position(BATCH) is not None:
        return
    if newest := _newest_of_facts(lake):
        number = newest + 1
        lake.append(events, pl.DataFrame(schema=EVENTS.schema), {BATCH: number, RESET: number, _PENDING: 1})


def finish_reset(lake: Lake, events: Handle, zone: str) -> None:
    """Drop what is decoded again and let facts forget their inputs, where `events` was reset and that is not done yet.

    Args:
        lake: holds all tables.
        events: of `EVENTS`.
        zone: of the days of the rows that stay.

    Raises:
        LakeConflict: another writer was faster.
        LakeDamaged: rows stay, and files of `events` are gone.
    """
    if not events.position(_PENDING):
        return
    # Positions are back, so a removal that begins now spares all values; one that began before is refused from here on.
    removed = removed_records(fence_removals(lake))
    drop_events(lake, events, removed, zone)
    quarantine, ignored = (drop_records(lake, table, removed, _beginnings(lake)) for table in (QUARANTINE, IGNORED))
    drop_copies(lake, removed, zone)
    drop_ranges(lake, removed)
    drop_census(lake)
    for table in _facts(lake):
        forget_inputs(lake, lake.open(table))
    done = counters(kept_counts(lake, events, removed, quarantine, ignored)) | {_PENDING: 0}
    if removed.newest is not None and kept_through(events) is not None:
        done[_KEPT_THROUGH] = (removed.newest - _EPOCH) // dt.timedelta(microseconds=1)
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), done)


def kept_through(events: Handle) -> dt.datetime | None:
    """The removal of values, UTC, up to which `events` has all that was made of the records; None: it was never reset.

    What was removed later was decoded since, or `events` has lost it.
    """
    stored = events.position(_KEPT_THROUGH)
    return None if stored is None else _EPOCH + dt.timedelta(microseconds=stored)


def _newest_of_facts(lake: Lake) -> int:
    return max((lake.open(table).position(input_id(BATCH)) or 0 for table in _facts(lake)), default=0)


def _facts(lake: Lake) -> list[LakeTable]:
    return [table for table in FACTS if lake.has(table)]


def _beginnings(lake: Lake) -> dict[str, int]:
    """The position before the first record of each partition that `raw` has records of."""
    feeds = lake.open(FEED).scan().select("topic_id", "partition", "from_offset").collect()
    return {app_id(topic_id, partition): start for topic_id, partition, start in feeds.iter_rows()}
