"""Begin `events` again, so that all of `raw` is decoded again and every fact is computed from scratch.

One commit of `events` takes its rows and positions back and says that the rest has yet to follow: quarantine begins
again, and facts forget what they include. Whoever writes events next finishes that first, so a crash in between loses
nothing. Batches are counted on: to facts, what is decoded again is later than anything they have seen.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.ingest.feeds import app_id
from pipelines.inputs import forget_inputs, input_id
from pipelines.lake import Handle, Lake
from schemas.lake import (
    EVENTS,
    FEED,
    GAPS,
    IDENTITY_CHANGE,
    IDENTITY_RULING,
    QUARANTINE,
    QUARANTINE_RULING,
    QUARANTINED_EVENT,
    RAW,
    REBUILD,
    TABLES,
    TOUCHED,
    LakeTable,
)  # fmt: skip

BATCH: Final = "batch"
"""The application transaction that counts the batches of `events`."""

_NO_FACTS: Final = (
    RAW, FEED, GAPS, EVENTS, QUARANTINE, QUARANTINED_EVENT, QUARANTINE_RULING, TOUCHED, IDENTITY_CHANGE,
    IDENTITY_RULING, REBUILD,
)  # fmt: skip

_PENDING: Final = "reset/pending"
"""Whether facts and quarantine have yet to follow a reset of `events`: 1 or 0."""


def reset_events(lake: Lake, events: Handle, others: dict[str, int]) -> None:
    """Take the rows and positions of `events` back; see `finish_reset`.

    Args:
        lake: holds `feed`.
        events: of `EVENTS`; its data files are not read.
        others: positions that this commit moves, too.

    Raises:
        LakeConflict: another writer committed since the handle was loaded.
    """
    number = max(events.position(BATCH) or 0, _newest_of_facts(lake)) + 1
    positions = {**others, **_beginnings(lake), BATCH: number, _PENDING: 1}
    lake.replace(events, pl.DataFrame(schema=EVENTS.schema), positions)


def begin_after_facts(lake: Lake, events: Handle) -> None:
    """Let a table of events that was lost, and made again without a row, begin behind what facts include of it."""
    if events.position(BATCH) is not None:
        return
    if newest := _newest_of_facts(lake):
        lake.append(events, pl.DataFrame(schema=EVENTS.schema), {BATCH: newest + 1, _PENDING: 1})


def finish_reset(lake: Lake, events: Handle) -> None:
    """Let quarantine begin again and facts forget their inputs, where `events` was reset and that was not done yet.

    Raises:
        LakeConflict: another writer was faster.
    """
    if not events.position(_PENDING):
        return
    if lake.has(QUARANTINE):
        lake.replace(lake.open(QUARANTINE), pl.DataFrame(schema=QUARANTINE.schema), _beginnings(lake))
    for table in _facts(lake):
        forget_inputs(lake, lake.open(table))
    lake.append(events, pl.DataFrame(schema=EVENTS.schema), {_PENDING: 0})


def _newest_of_facts(lake: Lake) -> int:
    return max((lake.open(table).position(input_id(BATCH)) or 0 for table in _facts(lake)), default=0)


def _facts(lake: Lake) -> list[LakeTable]:
    return [table for table in TABLES.values() if table not in _NO_FACTS and lake.has(table)]


def _beginnings(lake: Lake) -> dict[str, int]:
    """The position before the first record of each partition that `raw` has records of."""
    feeds = lake.open(FEED).scan().select("topic_id", "partition", "from_offset").collect()
    return {app_id(topic_id, partition): start for topic_id, partition, start in feeds.iter_rows()}
