"""What a reset of `events` leaves in the tables of events: rows made of records whose values were removed.

Everything else is dropped, because it is decoded again. Each function may be interrupted and called again. Rows are
kept as they were decoded; only their days follow another zone.
"""

from __future__ import annotations

import polars as pl

from pipelines.events.deduplicate import first_delivered
from pipelines.events.nobody import acts_nobody
from pipelines.ingest.counts import Counts
from pipelines.ingest.quarantined import RULINGS
from pipelines.ingest.removed_records import RemovedRecords
from pipelines.lake import Handle, Lake
from pipelines.quarantine import quarantined
from pipelines.time import business_days, month_of
from schemas.lake import EVENTS, QUARANTINE_RULING, QUARANTINED_EVENT, RAW, LakeTable


def drop_events(lake: Lake, events: Handle, removed: RemovedRecords, zone: str) -> None:
    """Drop the rows of `events` that can be decoded again, month by month: memory is that of a month.

    Args:
        lake: holds the table.
        events: of `EVENTS`. Where nothing was removed its data files are not read.
        removed: the records whose rows stay.
        zone: of the days of those.

    Raises:
        LakeConflict: another writer committed since the handle was loaded.
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
        # Another zone moves a day into the month before or behind.
        moved = kept.filter(pl.col("month") != month)["month"].unique()
        rows = pl.concat([kept, _of_months(events, moved.to_list())])
        lake.replace_months(events, rows, pl.concat([pl.Series([month]), moved]), {})


def drop_records(lake: Lake, table: LakeTable, removed: RemovedRecords, positions: dict[str, int]) -> pl.DataFrame:
    """Drop the rows of records that can be decoded again.

    Args:
        lake: holds the table.
        table: of one row a record: `QUARANTINE` or `IGNORED`.
        removed: the records whose rows stay.
        positions: that the commit moves.

    Returns:
        The keys of the rows that stay.

    Raises:
        LakeConflict: another writer was faster.
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
        lake: holds the table.
        removed: the records whose copies stay.
        zone: of the days of those.

    Raises:
        LakeConflict: another writer was faster.
    """
    if not lake.has(QUARANTINED_EVENT):
        return
    handle = lake.open(QUARANTINED_EVENT)
    kept = _with_days(removed.made(handle.scan().collect(engine="streaming")), zone)
    lake.replace(handle, kept, {})


def kept_counts(
    lake: Lake, events: Handle, removed: RemovedRecords, quarantine: pl.DataFrame, ignored: pl.DataFrame
) -> Counts:
    """Count what became of the records without values, once all that can be decoded again was dropped.

    Of a record that gave several events only those count that are kept: how many copies it gave besides is not known
    any more. A record all of whose events are copies counts as one duplicate.

    Args:
        lake: holds the tables.
        events: of `EVENTS`.
        removed: those records.
        quarantine: keys of the rows of `quarantine`.
        ignored: keys of the rows of `ignored`.
    """
    rows, of_nobody = events.scan().select(pl.len(), acts_nobody().sum()).collect(engine="streaming").row(0)
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
        of_nobody=of_nobody,
    )


def _further(events: Handle, others: pl.DataFrame) -> int:
    """How many of the rows of `events` and of these records are not the first of their record.

    A record of one event is not looked at: its event is at position 0, and there is nothing else of it.
    """
    beyond = events.scan().filter(pl.col("position") > 0).select(RAW.key).collect(engine="streaming")
    several = pl.concat([beyond, others]).unique()
    if several.is_empty():
        return 0
    firsts = events.scan().filter(pl.col("position") == 0).select(RAW.key)
    first = firsts.join(several.lazy(), on=RAW.key, how="semi").collect(engine="streaming")
    return beyond.height + others.height + first.height - several.height


def _held(lake: Lake, events: Handle) -> pl.DataFrame:
    """The records of the kept copies, one each, of events that people put in quarantine, by the rulings followed."""
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
