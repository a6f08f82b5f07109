"""The lake: Delta tables under one URI, written only by guarded transactions.

delta-rs records an application transaction but does not enforce it, so every write here follows one recipe: load a
handle, read the positions it holds, drop what is already there, and write *with that handle*. A stale handle whose app
id was written meanwhile is refused by Delta (`LakeConflict`); the caller loads again and starts over. One app id,
`content`, is in every write: of two writers with the same version of a table, the second is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import polars as pl
import pyarrow as pa
from deltalake import (
    ColumnProperties,
    CommitProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from pipelines.lake_columns import (
    add_new_columns,
    delta_schema,
    differing_columns,
    empty_outdated,
    has_other_types,
)
from pipelines.lake_damage import (
    LakeUnavailable,
    damage_by_message,
    unanswered,
    unavailable,
)
from pipelines.lake_files import TableFiles
from pipelines.lake_handle import CONTENT, Handle, Loaded, LoadedTables
from pipelines.lake_log import is_newest_commit_empty, is_of_log, log_damaged, log_unreadable
from pipelines.lake_place import StoredTable, local_path, refuse_unfit
from pipelines.system_refusals import refusal
from schemas.errors import EmberlineError
from schemas.lake import LakeTable

__all__ = ["Handle", "Lake", "LakeConflict", "LakeSchemaMismatch", "LakeUnavailable"]

_CONFIGURATION: Final = {"delta.checkpointInterval": "20"}


class LakeConflict(EmberlineError):
    """Another writer committed first."""


class LakeSchemaMismatch(EmberlineError):
    """A table in the lake does not have the columns this version of emberline writes."""


@dataclass(frozen=True)
class Lake:
    """All tables of `schemas.lake.TABLES` under `uri`: a folder or the URI of an object store.

    `storage_options` are passed to the object store client as they are (endpoint, credentials, region).
    """

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    loaded: LoadedTables = field(default_factory=LoadedTables, repr=False, compare=False)

    def open(self, table: LakeTable) -> Handle:
        """Load the newest version of a table; the first call creates it, or gives it the columns of this version.

        A version in a local folder that is still the newest is not loaded again. Columns that the contract got since
        are added. A fact that older code stored with other types is emptied, and its next refresh recomputes it.

        Raises:
            LakeDamaged: its log cannot be read.
            LakePathUnfit: its folder's path has characters that Delta cannot take.
            LakeSchemaMismatch: the stored columns or their types differ from the contract.
            LakeUnavailable: the store does not answer.
        """
        if (found := self.loaded.find(table)) is not None:
            return found
        uri, files = self._checked_uri(table), self.files(table)
        try:
            delta = self._load(table, uri)
            if add_new_columns(delta, table):
                delta = self._load(table, uri)
            if empty_outdated(delta, table):
                delta = self._load(table, uri)
            is_empty = is_newest_commit_empty(files, delta.version())
        except (DeltaError, OSError) as error:
            failure = log_unreadable(table, files, error) if is_of_log(error) else unanswered(table, uri, error)
            raise failure from error
        if is_empty and (damage := log_damaged(table, files)):
            raise damage
        if differing := differing_columns(delta, table):
            raise LakeSchemaMismatch(
                f"Lake table {table.name} at {uri} differs from the contract in: {', '.join(differing)}.",
                "It was written by another version of emberline: use that version, or a new folder in lake.uri, which "
                "reads Kafka again, with `emberline run --accept-loss`.",
            )
        handle = Handle(table, Loaded(delta))
        self.loaded.keep(handle)
        return handle

    def find(self, table: LakeTable) -> Handle | None:
        """Load the newest version of a table; None if it does not exist. See `open` for the errors."""
        return self.open(table) if self.has(table) else None

    def at(self, handle: Handle, version: int) -> Handle | None:
        """Load the table of a handle at another Delta version.

        Returns:
            None if the log does not reach that version, or its columns had other types.
        """
        uri = self._checked_uri(handle.table)
        try:
            delta = StoredTable(uri, version=version, storage_options=dict(self.storage_options))
        except (DeltaError, OSError):
            return None
        return None if has_other_types(delta, handle.table) else Handle(handle.table, Loaded(delta))

    def has(self, table: LakeTable) -> bool:
        """Whether a table exists; unlike `open` this creates none.

        Raises:
            LakePathUnfit: see `open`; not raised if the folder does not exist.
            LakeUnavailable: the store does not answer.
        """
        if (folder := local_path(self.uri)) is not None and not folder.exists():
            return False
        uri = self._checked_uri(table)
        try:
            return StoredTable.is_deltatable(uri, storage_options=dict(self.storage_options))
        except (DeltaError, OSError) as error:
            raise unanswered(table, uri, error) from error

    def table_uri(self, table: LakeTable) -> str:
        """Return the place of a table: an absolute path, or its URI in an object store."""
        folder = local_path(self.uri)
        return f"{self.uri.rstrip('/')}/{table.name}" if folder is None else str(folder / table.name)

    def files(self, table: LakeTable) -> TableFiles:
        """Return the files under the URI of a table."""
        return TableFiles(self.table_uri(table), self.storage_options)

    def append(
        self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], *, is_sorted: bool = False
    ) -> None:
        """Append rows and record positions as application transactions, in one commit.

        Args:
            handle: loaded before the positions were read; it moves to the new version.
            rows: columns of the table's contract, any order.
            positions: app id -> new version.
            is_sorted: whether the rows are in the table's order already.

        Raises:
            LakeConflict: another writer committed since the handle was loaded.
            LakeUnavailable: the store failed, for example because it is full.
        """
        self._write(handle, rows, positions, predicate=None, is_sorted=is_sorted)

    def replace(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int]) -> None:
        """Replace the whole table in one commit; see `append`."""
        self._write(handle, rows, positions, predicate="")

    def replace_months(
        self, handle: Handle, rows: pl.DataFrame, months: pl.Series, positions: Mapping[str, int]
    ) -> None:
        """Replace the given `month` partitions by `rows` in one commit; see `append`.

        Raises:
            LakeConflict: see `append`.
            ValueError: a row is outside the months.
        """
        outside = rows["month"].filter(~rows["month"].is_in(months.implode()))
        if not outside.is_empty():
            raise ValueError(f"Rows for lake table {handle.table.name} lie outside the months replaced: {outside[0]}.")
        if months.is_empty():
            self._write(handle, rows, positions, predicate=None)
            return
        listed = ", ".join(f"'{month.isoformat()}'" for month in sorted(months.unique()))
        self._write(handle, rows, positions, predicate=f"month IN ({listed})")

    def replace_months_by_parts(
        self, handle: Handle, parts: Iterable[pl.DataFrame], months: Iterable[dt.date], positions: Mapping[str, int]
    ) -> None:
        """Replace the given `month` partitions in one commit, with one part of the rows in memory at a time.

        Args:
            handle: see `append`.
            parts: all columns of the table; if making one fails, its error is raised here, and nothing was written.
            months: at least one; no row is outside.
            positions: see `append`.

        Raises:
            LakeConflict: see `append`.
        """
        listed = ", ".join(f"'{month.isoformat()}'" for month in sorted(months))
        self._write(handle, parts, positions, predicate=f"month IN ({listed})")

    def update(self, handle: Handle, where: str, values: Mapping[str, str], positions: Mapping[str, int]) -> int:
        """Change values of rows in one commit. `content` does not move, so nothing is recomputed.

        Args:
            handle: it moves to the new version. Commits since it was loaded count.
            where: SQL predicate of the rows. It is stored in the Delta log: no personal data in it.
            values: column -> SQL expression over the row's columns.
            positions: app id -> new version.

        Returns:
            The number of rows changed.

        Raises:
            LakeConflict: another writer added or removed such rows, or moved one of these positions; nothing was
                changed.
            LakeUnavailable: the store failed.
        """
        with _translate_errors(handle):
            delta = handle.to_write()
            before = delta.version()
            done = delta.update(
                updates=dict(values),
                predicate=where,
                writer_properties=_writer_properties(handle.table),
                commit_properties=CommitProperties(app_transactions=_transactions(positions)),
            )
        handle.note_written(before, positions)
        self.loaded.keep(handle)
        return done["num_updated_rows"]

    def _checked_uri(self, table: LakeTable) -> str:
        if (folder := local_path(self.uri)) is not None:
            refuse_unfit(folder)
        return self.table_uri(table)

    def _load(self, table: LakeTable, uri: str) -> StoredTable:
        options = dict(self.storage_options)
        with suppress(TableNotFoundError):
            return StoredTable(uri, storage_options=options)
        # If two processes create it at once, the later one is refused, and the table exists.
        with suppress(CommitFailedError):
            self._create(table, uri)
        return StoredTable(uri, storage_options=options)

    def _create(self, table: LakeTable, uri: str) -> None:
        if (folder := local_path(self.uri)) is not None:
            folder.mkdir(parents=True, exist_ok=True)
        StoredTable.create(
            uri,
            schema=delta_schema(table),
            mode="ignore",
            partition_by=list(table.partition_by),
            configuration=_CONFIGURATION,
            storage_options=dict(self.storage_options),
        )

    def _write(
        self,
        handle: Handle,
        rows: pl.DataFrame | Iterable[pl.DataFrame],
        positions: Mapping[str, int],
        predicate: str | None,
        *,
        is_sorted: bool = False,
    ) -> None:
        table, failed = handle.table, list[BaseException]()
        if isinstance(rows, pl.DataFrame):
            given = _fitting(table, rows, is_sorted=is_sorted)
        else:
            given = _read_by_parts(table, rows, failed)
        moved = {**positions, CONTENT: handle.content + 1}
        properties = CommitProperties(
            # If Delta may retry, a stale replacement passes a compaction and doubles the rows.
            max_commit_retries=0 if predicate == "" else None,
            app_transactions=_transactions(moved),
        )
        writer = _writer_properties(table)
        with _translate_errors(handle, failed):
            delta = handle.to_write()
            before = delta.version()
            if predicate is None:
                write_deltalake(delta, given, mode="append", commit_properties=properties, writer_properties=writer)
            else:
                write_deltalake(
                    delta,
                    given,
                    mode="overwrite",
                    predicate=predicate or None,
                    commit_properties=properties,
                    writer_properties=writer,
                )
        handle.note_written(before, moved)
        self.loaded.keep(handle)


def _fitting(table: LakeTable, rows: pl.DataFrame, *, is_sorted: bool = False) -> pl.DataFrame:
    """Return the rows with the columns, and in the order, of the table."""
    # A select on rows in many chunks copies them into one.
    if rows.columns != table.schema.names():
        rows = rows.select(table.schema.names())
    if rows.schema != table.schema:
        wrong = [f"{n}: {rows.schema[n]}, not {d}" for n, d in table.schema.items() if rows.schema[n] != d]
        raise LakeSchemaMismatch(
            f"Rows for lake table {table.name} have wrong types ({'; '.join(wrong)}).",
            "This is a defect: report it.",
        )
    return rows.sort(table.sort_by) if table.sort_by and not is_sorted else rows


def _read_by_parts(
    table: LakeTable, parts: Iterable[pl.DataFrame], failed: list[BaseException]
) -> pa.RecordBatchReader:
    """Give Delta the parts one by one. An error is added to `failed`, since Delta reports only its text."""

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for part in parts:
                yield from _fitting(table, part).to_arrow().to_batches()
        except BaseException as error:  # a panic of Polars is no Exception
            failed.append(error)
            raise

    return pa.RecordBatchReader.from_batches(pl.DataFrame(schema=table.schema).to_arrow().schema, batches())


@contextmanager
def _translate_errors(handle: Handle, failed: Sequence[BaseException] = ()) -> Iterator[None]:
    """Raise a refusal of Delta as an error of this project, or the error of reading the parts if that failed."""
    try:
        yield
    except Exception as error:
        if failed:
            raise failed[0] from error
        if isinstance(error, DeltaError | OSError):
            raise _refused(handle, error) from error
        raise


def _refused(handle: Handle, error: DeltaError | OSError) -> EmberlineError:
    if isinstance(error, CommitFailedError):
        return LakeConflict(
            f"Lake table {handle.table.name} at {handle.delta.table_uri}: another writer committed first ({error}).",
            "Nothing was written; load the table again and go on from its positions.",
        )
    if refusal(error) is None and (damage := damage_by_message(type(error).__name__, str(error))):
        return damage
    return unavailable(handle.table, handle.delta.table_uri, error)


def _transactions(positions: Mapping[str, int]) -> list[Transaction]:
    return [Transaction(app_id, version) for app_id, version in positions.items()]


def _writer_properties(table: LakeTable) -> WriterProperties:
    properties_of = {
        name: ColumnProperties(
            dictionary_enabled=False if name in table.distinct else None,
            statistics_enabled="NONE" if name in table.unsought else None,
        )
        for name in {*table.distinct, *table.unsought}
    }
    return WriterProperties(compression="SNAPPY", column_properties=properties_of)
