"""Remove what is left of erased persons in the lake after the facts are refreshed.

These are rows of change logs, persons and rulings. Delta also keeps deleted rows: in files of old versions, and in its
log as the least and greatest values of columns. The search reads every file of a table, whether a version names it or
not, so what it does not find does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Final

import polars as pl
from deltalake.exceptions import DeltaError

from pipelines.events.suppression import Suppression
from pipelines.ingest.erased import drop_held
from pipelines.lake import Lake, LakeUnavailable
from pipelines.lake_maintenance import FILE_RETENTION, LOG_RETENTION, prune_change_log
from schemas.lake import (
    IDENTITY,
    IDENTITY_CHANGE,
    IDENTITY_RULING,
    QUARANTINE_RULING,
    REBUILD,
    TABLES,
    TOUCHED,
    LakeTable,
)

ERASED: Final = "erased"
"""Replaces a text that named an erased person."""

_NONE: Final = "interval 0 seconds"
_USUAL: Final = {LOG_RETENTION: "interval 30 days", FILE_RETENTION: "interval 1 week"}
_ORPHANS_AFTER_HOURS: Final = 1
"""A younger file that no version names may belong to a writer that has not committed yet."""

_HASH: Final = "value_sha256"


def drop_rest(lake: Lake, suppression: Suppression) -> None:
    """Drop rows of erased persons that only list accounts, and mask their names in rulings and requests.

    All facts must be refreshed before, because change logs are among these rows.

    Raises:
        LakeConflict: another writer committed first; repeat.
    """
    prune_change_log(lake)
    drop_held(lake, suppression)
    for table, columns in (
        (TOUCHED, ("account_id",)),
        (IDENTITY_CHANGE, ("account_id", "person_before", "person_id")),
        (IDENTITY, ("account_id", "person_id")),
    ):
        handle = lake.open(table)
        rows = handle.scan().collect(engine="streaming")
        is_theirs = pl.Series([False], dtype=pl.Boolean).new_from_index(0, rows.height)
        for column in columns:
            is_theirs |= suppression.covers(rows[column])
        if is_theirs.any():
            lake.replace(handle, rows.filter(~is_theirs), {})
    for table in (IDENTITY_RULING, QUARANTINE_RULING, REBUILD):
        handle = lake.open(table)
        rows = handle.scan().collect()
        texts = [name for name, dtype in table.columns.items() if dtype == pl.String]
        masked = rows.with_columns(_masked(rows[name], suppression) for name in texts)
        if not masked.equals(rows, null_equal=True):
            lake.replace(handle, masked, {})


def purge(lake: Lake, table: LakeTable) -> None:
    """Remove all files of old versions, and the log before the newest version.

    A reader of an old version fails. Uncommitted files of a writer stay.

    Raises:
        LakeUnavailable: the store failed.
    """
    handle = lake.open(table)
    before = handle.delta.metadata().configuration
    try:
        delta = handle.to_write()
        # An empty commit ends the log, so that only its checkpoint has to be kept.
        delta.alter.set_table_properties(dict.fromkeys(_USUAL, _NONE))
        for hours, full in ((0, False), (_ORPHANS_AFTER_HOURS, True)):
            delta.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=full)
        delta.create_checkpoint()
        delta.cleanup_metadata()
        delta.alter.set_table_properties({name: before.get(name, usual) for name, usual in _USUAL.items()})
    except (DeltaError, OSError) as error:
        raise LakeUnavailable(
            f"Lake table {table.name}: the store failed while old files were removed ({error}).",
            "Request the erasure again: it goes on.",
            handle.delta.table_uri,
        ) from error


def traces(lake: Lake, table: LakeTable, suppression: Suppression) -> list[str]:
    """Search every file of a table for erased persons, and return the names of files that have one."""
    if not lake.has(table):
        return []
    files = lake.files(table)
    return [name for name in sorted(files.sizes()) if _names(files.read(name), name, suppression)]


def all_traces(lake: Lake, suppression: Suppression) -> dict[LakeTable, list[str]]:
    """Return the `traces` of every table that has any."""
    found = ((table, traces(lake, table, suppression)) for table in TABLES.values())
    return {table: files for table, files in found if files}


def _names(content: bytes, name: str, suppression: Suppression) -> bool:
    if not name.endswith(".parquet"):
        return suppression.names_in(content)
    rows = pl.read_parquet(BytesIO(content))
    return any(
        (suppression.sent(values) if values.dtype == pl.Binary else suppression.names(values)).any()
        for column in rows.columns
        if column != _HASH
        for values in _texts(rows[column])
    )


def _texts(values: pl.Series) -> Iterator[pl.Series]:
    """Yield the distinct texts and bytes of a column, nested ones too."""
    if values.dtype in (pl.Binary, pl.String):
        yield values.drop_nulls().unique()
    elif isinstance(values.dtype, pl.List):
        yield from _texts(values.explode())
    elif isinstance(values.dtype, pl.Struct):
        for field in values.struct.fields:
            yield from _texts(values.struct.field(field))


def _masked(texts: pl.Series, suppression: Suppression) -> pl.Series:
    names = suppression.names(texts) | suppression.sent(texts.cast(pl.Binary))
    return pl.select(pl.when(names).then(pl.lit(ERASED)).otherwise(texts).alias(texts.name)).to_series()
