"""What a reset of `events` leaves in the tables of events: rows made of records whose values were removed.

Everything else is dropped, because it is decoded again. Each function may be interrupted and called again. Rows are
kept as they were decoded; only their days follow another zone.
"""

from __future__ import annotations

import polars as pl

from pipelines.events.nobody import acts_nobody
from pipelines.ingest.counts import Counts
from pipelines.ingest.quarantined import RULINGS
from pipelines.ingest.removed_records import RemovedRecords
from pipelines.lake import Handle, Lake
from pipelines.quarantine import quarantined
from pipelines.time import business_days, month_of
from schemas.lake import EVENTS, QUARANTINE, QUARANTINE_RULING, QUARANTINED_EVENT


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


def drop_quarantine(lake: Lake, removed: RemovedRecords, positions: dict[str, int]) -> int:
    """Drop the rows of `quarantine` that can be decoded again; how many stay.

    Args:
        lake: holds the table.
        removed: the records whose rows stay.
        positions: that the commit moves.

    Raises:
        LakeConflict: another writer was faster.
    """
    if not lake.has(QUARANTINE):
        return 0
    handle = lake.open(QUARANTINE)
    kept = pl.DataFrame(schema=QUARANTINE.schema)
    if removed.records:
        coordinates = removed.made(handle.scan().select(QUARANTINE.key).collect(engine="streaming"))
        kept = handle.scan().join(coordinates.lazy(), on=QUARANTINE.key, how="semi").collect(engine="streaming")
    lake.replace(handle, kept, positions)
    return kept.height


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


def kept_counts(lake: Lake, events: Handle, removed: RemovedRecords, quarantine: int) -> Counts:
    """Count what became of the records without values, once all that can be decoded again was dropped.

    Args:
        lake: holds the tables.
        events: of `EVENTS`.
        removed: those records.
        quarantine: rows of `quarantine`.
    """
    rows, of_nobody = events.scan().select(pl.len(), acts_nobody().sum()).collect(engine="streaming").row(0)
    held = quarantine + _held(lake, events)
    return Counts(
        raw=removed.records,
        events=rows,
        duplicates=removed.records - rows - held - removed.tombstones,
        quarantined=held,
        tombstones=removed.tombstones,
        of_nobody=of_nobody,
    )


def _held(lake: Lake, events: Handle) -> int:
    """How many events people put in quarantine, by the rulings that `events` follows, have a copy that was kept."""
    if not lake.has(QUARANTINED_EVENT):
        return 0
    followed = lake.open(QUARANTINE_RULING).scan().filter(pl.col("ruling") <= (events.position(RULINGS) or 0))
    copies = lake.open(QUARANTINED_EVENT).scan().select(EVENTS.key).unique()
    return copies.join(quarantined(followed), on=EVENTS.key, how="semi").select(pl.len()).collect().item()


def _of_months(events: Handle, months: list[object]) -> pl.DataFrame:
    return events.scan().filter(pl.col("month").is_in(months)).collect(engine="streaming")


def _with_days(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    days = business_days(rows["time"], zone).alias("day")
    return rows.with_columns(days).with_columns(month=month_of(pl.col("day")))
