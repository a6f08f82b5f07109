"""Clear old notes on interventions: texts of people that stay in `events` and its facts when values are removed.

The event and every figure stay. A copy that arrives again changes nothing, because the first delivered one counts;
what a rebuild decodes again is cleared by the next maintenance.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Final

import polars as pl

from pipelines.ingest.event_rows import log_changes, write_events
from pipelines.ingest.reset import BATCH
from pipelines.lake import Lake, LakeConflict
from schemas.lake import EVENTS, QUARANTINED_EVENT, STAFF_ACT

_NOTE: Final = "intervention_note"
_AHEAD: Final = dt.timedelta(days=2)
"""By how much the day of an event may be later than that of its Kafka timestamp in UTC: by clocks and zones."""

_NONE: Final = pl.lit(None, pl.String).alias(_NOTE)


def clear_old_notes(lake: Lake, kept: dt.timedelta, now: dt.datetime) -> int:
    """Clear notes in `events` and `quarantined_event` that Kafka received at least `kept` ago, by whole days of UTC.

    As in `lake_values.remove_values`, a record without a Kafka timestamp counts as old. Facts follow in the next run.
    Only months are read in which `staff_act` has a note of days as old.

    Args:
        lake: The lake of the tables.
        kept: Retention after the Kafka timestamp.
        now: The clock, UTC.

    Returns:
        The number of notes cleared; if another writer committed first, the others wait for the next maintenance.

    Raises:
        LakeUnavailable: The store failed.
    """
    before = (now - kept).replace(hour=0, minute=0, second=0, microsecond=0)
    time = pl.col("kafka_time")
    is_old = pl.col(_NOTE).is_not_null() & (time.is_null() | (time < before))
    cleared = 0
    with suppress(LakeConflict):
        cleared += _clear_copies(lake, is_old)
        cleared += _clear_events(lake, is_old, before.date() + _AHEAD)
    return cleared


def _clear_copies(lake: Lake, is_old: pl.Expr) -> int:
    handle = lake.open(QUARANTINED_EVENT)
    old = handle.scan().filter(is_old).collect(engine="streaming")
    if not old.is_empty():
        others = handle.scan().filter(~is_old).collect(engine="streaming")
        lake.replace(handle, pl.concat([others, old.with_columns(_NONE)]), {})
    return old.height


def _clear_events(lake: Lake, is_old: pl.Expr, last_day: dt.date) -> int:
    events = lake.open(EVENTS)
    with_note = lake.open(STAFF_ACT).scan().filter(pl.col("note").is_not_null(), pl.col("day") <= last_day)
    months = with_note.select(pl.col("month").unique()).collect(engine="streaming")["month"]
    old = events.scan().filter(pl.col("month").is_in(months.implode()) & is_old).collect(engine="streaming")
    if old.is_empty():
        return 0
    number = (events.position(BATCH) or 0) + 1
    # Their batch stays: they are not late, and no restatement is to count them so.
    cleared = old.with_columns(_NONE)
    log_changes(lake, cleared, old, number)
    write_events(lake, events, cleared, old, {BATCH: number})
    return old.height
