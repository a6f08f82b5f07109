"""Maintenance of the lake: compact small files, vacuum old files and log, prune the change log.

No row changes and no position moves, so nothing is recomputed. Where another writer committed first, a step is left
to the next maintenance.
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
from pipelines.operations.maintenance import DataFile, MaintenancePolicy, compactions
from schemas.lake import FACTS, MEMBER_CHANGE, TABLES, TOUCHED, LakeTable

LOG_RETENTION: Final = "delta.logRetentionDuration"
FILE_RETENTION: Final = "delta.deletedFileRetentionDuration"
_INPUTS: Final = (input_id(BATCH), input_id(MEMBER_CHANGE.name))


@dataclass(frozen=True)
class TableMaintenance:
    """Maintenance of one table: `compacted` files became `into`, `removed` ones; `prevented`: the conflict, if any."""

    table: str
    compacted: int = 0
    into: int = 0
    removed: int = 0
    prevented: str | None = None


def maintain(lake: Lake, table: LakeTable, policy: MaintenancePolicy) -> TableMaintenance:
    """Compact, vacuum and checkpoint one table.

    Raises:
        LakeUnavailable: The store failed.
    """
    handle = lake.open(table)
    try:
        _keep_for(handle, policy.keep_versions)
        compacted, into = _compact(handle, policy)
        removed = _remove_old(handle, policy.keep_versions)
    except CommitFailedError as error:
        return TableMaintenance(table.name, prevented=str(error))
    except (DeltaError, OSError) as error:
        raise LakeUnavailable(
            f"Lake table {table.name}: the store failed during maintenance ({error}).",
            "No row is lost; the next maintenance goes on. See that the store answers and has room.",
            handle.delta.table_uri,
        ) from error
    return TableMaintenance(table.name, compacted, into, removed)


def maintain_all(
    lake: Lake, policy: MaintenancePolicy, on_progress: Callable[[int, int], None] = lambda _done, _todo: None
) -> list[TableMaintenance]:
    """`maintain` of every table."""
    done = []
    for number, table in enumerate(TABLES.values(), start=1):
        done.append(maintain(lake, table, policy))
        on_progress(number, len(TABLES))
    return done


def prune_change_log(lake: Lake) -> int:
    """Remove rows of the change log `touched` whose batches every fact includes, and return how many.

    A fact that follows the change log records the newest batch it includes, of events and of `member_change`. A fact
    without such a record is computed from scratch, and needs no change log.
    """
    handles = [lake.open(table) for table in FACTS]
    included = [batch for fact in handles for name in _INPUTS if (batch := fact.position(name)) is not None]
    if not included:
        return 0
    handle = lake.open(TOUCHED)
    rows = handle.scan().collect(engine="streaming")
    kept = rows.filter(pl.col("batch") > min(included))
    if kept.height == rows.height:
        return 0
    try:
        lake.replace(handle, kept, {})
    except LakeConflict:  # the ingest has just added rows
        return 0
    return rows.height - kept.height


def data_files(handle: Handle) -> list[DataFile]:
    """Return the data files of the version that a handle has loaded."""
    by = handle.table.partition_by
    rows = pl.DataFrame(handle.delta.get_add_actions(flatten=True)).to_dicts()
    return [DataFile(tuple((name, str(row[f"partition.{name}"])) for name in by), row["size_bytes"]) for row in rows]


def _keep_for(handle: Handle, kept: dt.timedelta) -> None:
    """Store the retention in the table's properties, so that other tools respect it too."""
    wanted = f"interval {round(kept.total_seconds())} seconds"
    stored = handle.delta.metadata().configuration
    if any(stored.get(name) != wanted for name in (LOG_RETENTION, FILE_RETENTION)):
        handle.to_write().alter.set_table_properties({LOG_RETENTION: wanted, FILE_RETENTION: wanted})


def _compact(handle: Handle, policy: MaintenancePolicy) -> tuple[int, int]:
    removed = added = 0
    for found in compactions(data_files(handle), policy):
        filters = [(name, "=", value) for name, value in found.partition]
        done = handle.to_write().optimize.compact(partition_filters=filters or None)
        removed, added = removed + done["numFilesRemoved"], added + done["numFilesAdded"]
    return removed, added


def _remove_old(handle: Handle, kept: dt.timedelta) -> int:
    """Remove files and log that no version younger than `kept` needs, and files that no version names.

    The age also protects files that a writer has not committed yet.
    """
    hours = int(kept.total_seconds() // 3600)
    delta = handle.to_write()
    removed = delta.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True)
    delta.create_checkpoint()
    delta.cleanup_metadata()
    return len(removed)
