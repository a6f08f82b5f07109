"""What is left in the lake of erased persons once facts follow: marks, persons, rulings, old files and the Delta log.

Delta keeps what was deleted: files of old versions, and in its log the least and greatest values of columns. Every file
of a table is searched, whether a version names it or not, so what was not found is not there.
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
from pipelines.lake_upkeep import FILE_RETENTION, LOG_RETENTION, forget_marks
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
"""What stands in the place of a text that named an erased person."""

_NONE: Final = "interval 0 seconds"
_USUAL: Final = {LOG_RETENTION: "interval 30 days", FILE_RETENTION: "interval 1 week"}
_ORPHANS_AFTER_HOURS: Final = 1
"""A younger file that no version names may be of a writer that has not committed yet."""

_HASH: Final = "value_sha256"


def drop_rest(lake: Lake, suppression: Suppression) -> None:
    """Drop rows that only say which accounts there were, and take names off rulings and requests.

    Facts have to follow everything before: they learn from these rows what changed.

    Raises:
        LakeConflict: a writer was faster; ask again.
    """
    forget_marks(lake)
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
    """Remove all files of old versions, and the log of how the table came to be what it is.

    Who reads an old version fails. What a writer has written and not committed stays.

    Raises:
        LakeUnavailable: the store failed.
    """
    handle = lake.open(table)
    before = handle.delta.metadata().configuration
    try:
        delta = handle.to_write()
        # A commit without files comes last in the log: its checkpoint is all that is left of it.
        delta.alter.set_table_properties(dict.fromkeys(_USUAL, _NONE))
        for hours, full in ((0, False), (_ORPHANS_AFTER_HOURS, True)):
            delta.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=full)
        delta.create_checkpoint()
        delta.cleanup_metadata()
        delta.alter.set_table_properties({name: before.get(name, usual) for name, usual in _USUAL.items()})
    except (DeltaError, OSError) as error:
        raise LakeUnavailable(
            f"Lake table {table.name}: the store failed while old files were removed ({error}).",
            "Ask for the erasure again: it goes on.",
            handle.delta.table_uri,
        ) from error


def traces(lake: Lake, table: LakeTable, suppression: Suppression) -> list[str]:
    """Search every file of a table for erased persons; the names of those that name one."""
    if not lake.has(table):
        return []
    files = lake.files(table)
    return [name for name in sorted(files.sizes()) if _names(files.read(name), name, suppression)]


def all_traces(lake: Lake, suppression: Suppression) -> dict[LakeTable, list[str]]:
    """`traces` of every table that has any."""
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
    """The distinct texts, and the bytes, of a column, of whatever it is made."""
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
