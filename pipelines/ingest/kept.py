"""Rows that a reset of `events` keeps: those of records whose values were removed.

All other rows are dropped, because they are decoded again. Each function may be interrupted and called again. Kept rows
do not change, except for their days if the zone changed.
"""

from __future__ import annotations

import polars as pl

from pipelines.events.deduplicate import first_delivered
from pipelines.events.placeholders import had_placeholder
from pipelines.ingest.counts import Counts
from pipelines.ingest.quarantined import RULINGS
from pipelines.ingest.removed_records import RemovedRecords
from pipelines.lake import Handle, Lake
from pipelines.quarantine import quarantined
from pipelines.time import business_days, month_of
from schemas.lake import EVENTS, QUARANTINE_RULING, QUARANTINED_EVENT, RAW, LakeTable


def drop_events(lake: Lake, events: Handle, removed: RemovedRecords, zone: str) -> None:
    """Drop the rows of `events` that can be decoded again, one month in memory at a time.

    Args:
        lake: The lake of the table.
        events: Handle of `EVENTS`. If no value was removed, its data files are not read.
        removed: The records whose rows are kept.
        zone: The zone of their days.

    Raises:
        LakeConflict: Another writer committed since the handle was loaded.
    """
    if not removed.records:
        lake.replace(events, pl.DataFrame(schema=EVENTS.schema), {})
        return
    months = events.scan().select(pl.col("month").unique().sort()).collect(engine="streaming")["month"]
    for month in months:
        stored = _of_months(events, [month])
        made = removed.made(stored)
        kept = _with_days(made, zone)
        if kept.height == stored.height and kept["day"].equals(made["day"]):
            continue
        # Another zone can move a day to the previous or next month.
        moved = kept.filter(pl.col("month") != month)["month"].unique()
        rows = pl.concat([kept, _of_months(events, moved.to_list())])
        lake.replace_months(events, rows, pl.concat([pl.Series([month]), moved]), {})


def drop_statements(lake: Lake, table: LakeTable, removed: RemovedRecords) -> None:
    """Drop what platforms state of their records, since it is decoded again.

    All is kept if values were removed: the rows do not say which records stated them.
    """
    if not removed.records:
        lake.replace(lake.open(table), pl.DataFrame(schema=table.schema), {})


def drop_records(lake: Lake, table: LakeTable, removed: RemovedRecords, positions: dict[str, int]) -> pl.DataFrame:
    """Drop the rows of records that can be decoded again.

    Args:
        lake: The lake of the table.
        table: A table with one row per record: `QUARANTINE` or `IGNORED`.
        removed: The records whose rows are kept.
        positions: Positions to set in the commit.

    Returns:
        The keys of the kept rows.

    Raises:
        LakeConflict: Another writer was faster.
    """
    if not lake.has(table):
        return pl.DataFrame(schema={name: table.schema[name] for name in table.key})
    handle = lake.open(table)
    kept = pl.DataFrame(schema=table.schema)
    if removed.records:
        coordinates = removed.made(handle.scan().select(table.key).collect(engine="streaming"))
        kept = handle.scan().join(coordinates.lazy(), on=table.key, how="semi").collect(engine="streaming")
    lake.replace(handle, kept, positions)
    return kept.select(table.key)


def drop_copies(lake: Lake, removed: RemovedRecords, zone: str) -> None:
    """Drop the copies in `quarantined_event` that can be decoded again.

    Args:
        lake: The lake of the table.
        removed: The records whose copies are kept.
        zone: The zone of their days.

    Raises:
        LakeConflict: Another writer was faster.
    """
    if not lake.has(QUARANTINED_EVENT):
        return
    handle = lake.open(QUARANTINED_EVENT)
    kept = _with_days(removed.made(handle.scan().collect(engine="streaming")), zone)
    lake.replace(handle, kept, {})


def kept_counts(
    lake: Lake, events: Handle, removed: RemovedRecords, quarantine: pl.DataFrame, ignored: pl.DataFrame
) -> Counts:
    """Return the counts of the records without values, after all rows that can be decoded again were dropped.

    For a record with several events only the kept ones count: the number of its dropped copies is unknown. A record
    whose events were all copies counts as one duplicate.

    Args:
        lake: The lake of the tables.
        events: Handle of `EVENTS`.
        removed: The records without values.
        quarantine: Keys of the rows of `quarantine`.
        ignored: Keys of the rows of `ignored`.
    """
    rows, placeholders = events.scan().select(pl.len(), had_placeholder().sum()).collect(engine="streaming").row(0)
    held = _held(lake, events)
    kept = rows + quarantine.height + held.height
    further = _further(events, pl.concat([quarantine, held]))
    return Counts(
        raw=removed.records,
        events=rows,
        duplicates=removed.records + further - kept - removed.tombstones - ignored.height,
        quarantined=quarantine.height + held.height,
        tombstones=removed.tombstones,
        ignored=ignored.height,
        further=further,
        placeholders=placeholders,
    )


def _further(events: Handle, others: pl.DataFrame) -> int:
    """Return how many of the rows of `events` and of these records are not the first of their record.

    Records with one event are skipped: it is at position 0.
    """
    beyond = events.scan().filter(pl.col("position") > 0).select(RAW.key).collect(engine="streaming")
    several = pl.concat([beyond, others]).unique()
    if several.is_empty():
        return 0
    firsts = events.scan().filter(pl.col("position") == 0).select(RAW.key)
    first = firsts.join(several.lazy(), on=RAW.key, how="semi").collect(engine="streaming")
    return beyond.height + others.height + first.height - several.height


def _held(lake: Lake, events: Handle) -> pl.DataFrame:
    """Return the records of the kept copies of events that are in quarantine by the applied rulings."""
    if not lake.has(QUARANTINED_EVENT):
        return pl.DataFrame(schema={name: RAW.schema[name] for name in RAW.key})
    followed = lake.open(QUARANTINE_RULING).scan().filter(pl.col("ruling") <= (events.position(RULINGS) or 0))
    copies = lake.open(QUARANTINED_EVENT).scan().join(quarantined(followed), on=EVENTS.key, how="semi").collect()
    return first_delivered(copies).select(RAW.key)


def _of_months(events: Handle, months: list[object]) -> pl.DataFrame:
    return events.scan().filter(pl.col("month").is_in(months)).collect(engine="streaming")


def _with_days(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    days = business_days(rows["time"], zone).alias("day")
    return rows.with_columns(days).with_columns(month=month_of(pl.col("day")))
