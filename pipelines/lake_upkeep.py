"""Upkeep of the lake: small files are put together, old ones and their log removed, marks that all have seen forgotten.

No row changes and no position moves, so nothing is recomputed. A writer that was faster is left alone: what could not
be done now is done next time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl
from deltalake.exceptions import CommitFailedError, DeltaError

from pipelines.ingest.event_writer import BATCH
from pipelines.inputs import input_id
from pipelines.lake import Handle, Lake, LakeConflict, LakeUnavailable
from pipelines.operations.maintenance import DataFile, Upkeep, compactions
from schemas.lake import FACTS, MEMBER_CHANGE, TABLES, TOUCHED, LakeTable

LOG_RETENTION: Final = "delta.logRetentionDuration"
FILE_RETENTION: Final = "delta.deletedFileRetentionDuration"
_SEEN: Final = (input_id(BATCH), input_id(MEMBER_CHANGE.name))


@dataclass(frozen=True)
class Tidied:
    """What upkeep of one table did: files put together into how many, files removed; what another writer prevented."""

    table: str
    compacted: int = 0
    into: int = 0
    removed: int = 0
    prevented: str | None = None


def tidy(lake: Lake, table: LakeTable, upkeep: Upkeep) -> Tidied:
    """Compact, vacuum and checkpoint one table.

    Raises:
        LakeUnavailable: The store failed.
    """
    handle = lake.open(table)
    try:
        _keep_for(handle, upkeep.keep_versions)
        compacted, into = _compact(handle, upkeep)
        removed = _remove_old(handle, upkeep.keep_versions)
    except CommitFailedError as error:
        return Tidied(table.name, prevented=str(error))
    except (DeltaError, OSError) as error:
        raise LakeUnavailable(
            f"Lake table {table.name}: the store failed during upkeep ({error}).",
            "No row is lost; the next upkeep goes on. See that the store answers and has room.",
            handle.delta.table_uri,
        ) from error
    return Tidied(table.name, compacted, into, removed)


def tidy_all(
    lake: Lake, upkeep: Upkeep, on_progress: Callable[[int, int], None] = lambda _done, _todo: None
) -> list[Tidied]:
    """`tidy` of every table."""
    done = []
    for number, table in enumerate(TABLES.values(), start=1):
        done.append(tidy(lake, table, upkeep))
        on_progress(number, len(TABLES))
    return done


def forget_marks(lake: Lake) -> int:
    """Remove the marks in `touched` of batches that every fact includes; the number of them.

    A fact that follows marks notes the newest batch it includes, of events and of `member_change`. One that has noted
    none begins with everything.
    """
    handles = [lake.open(table) for table in FACTS]
    notes = [note for fact in handles for name in _SEEN if (note := fact.position(name)) is not None]
    if not notes:
        return 0
    handle = lake.open(TOUCHED)
    marks = handle.scan().collect(engine="streaming")
    kept = marks.filter(pl.col("batch") > min(notes))
    if kept.height == marks.height:
        return 0
    try:
        lake.replace(handle, kept, {})
    except LakeConflict:  # the ingest has just marked more
        return 0
    return marks.height - kept.height


def data_files(handle: Handle) -> list[DataFile]:
    """The data files of the version that a handle has loaded."""
    by = handle.table.partition_by
    rows = pl.DataFrame(handle.delta.get_add_actions(flatten=True)).to_dicts()
    return [DataFile(tuple((name, str(row[f"partition.{name}"])) for name in by), row["size_bytes"]) for row in rows]


def _keep_for(handle: Handle, kept: dt.timedelta) -> None:
    """The table itself says how long its past is kept: other tools heed it too."""
    wanted = f"interval {round(kept.total_seconds())} seconds"
    stored = handle.delta.metadata().configuration
    if any(stored.get(name) != wanted for name in (LOG_RETENTION, FILE_RETENTION)):
        handle.to_write().alter.set_table_properties({LOG_RETENTION: wanted, FILE_RETENTION: wanted})


def _compact(handle: Handle, upkeep: Upkeep) -> tuple[int, int]:
    removed = added = 0
    for found in compactions(data_files(handle), upkeep):
        filters = [(name, "=", value) for name, value in found.partition]
        done = handle.to_write().optimize.compact(partition_filters=filters or None)
        removed, added = removed + done["numFilesRemoved"], added + done["numFilesAdded"]
    return removed, added


def _remove_old(handle: Handle, kept: dt.timedelta) -> int:
    """Remove files and log that no version younger than this needs, and files that no version ever named.

    The age also protects what a writer has written and not yet committed.
    """
    hours = int(kept.total_seconds() // 3600)
    delta = handle.to_write()
    removed = delta.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True)
    delta.create_checkpoint()
    delta.cleanup_metadata()
    return len(removed)
