"""A loaded lake table: shared by all readers; a writer gets its own copy while others may still read."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from pipelines.lake_changes import ChangesKept
from pipelines.lake_columns import columns_of
from pipelines.lake_damage import damage_of, files_damaged
from pipelines.lake_log import Commit, newest_commit
from pipelines.lake_place import StoredTable

if TYPE_CHECKING:
    from schemas.lake import LakeTable

CONTENT: Final = "content"
"""The application transaction that every write of `Lake` moves."""

_LOCK: Final = threading.Lock()
"""Guards `is_shared` and `is_written` of all loaded tables."""


@dataclass(eq=False)
class Loaded:
    """A table as Delta loaded it.

    Attributes:
        delta: the loaded table.
        commit: the newest commit then, None if unknown.
        positions: cache: Delta version and application transaction -> the transaction's newest version.
        is_shared: several handles read it, so none may write through it.
        is_written: a handle writes through it, so no other handle may use it.
    """

    delta: StoredTable
    commit: Commit | None = None
    positions: dict[tuple[int, str], int | None] = field(default_factory=dict)
    is_shared: bool = False
    is_written: bool = False


@dataclass(eq=False)
class Handle:
    """One version of a table; a write through a stale handle is refused."""

    table: LakeTable
    loaded: Loaded = field(repr=False)

    @property
    def delta(self) -> StoredTable:
        """The table, for reading; it may be shared."""
        return self.loaded.delta

    @property
    def version(self) -> int:
        """The Delta version this handle has loaded."""
        return self.delta.version()

    @property
    def id(self) -> str:
        """The id that Delta gave the table when it was made."""
        return str(self.delta.metadata().id)

    @property
    def files_id(self) -> str:
        """An id of its data files, and so of its rows; a version number can be reused after a restored backup."""
        names = sorted(path.rpartition("/")[2] for path in self.delta.files()["path"])
        return hashlib.blake2b("/".join(names).encode(), digest_size=8).hexdigest()

    @property
    def content(self) -> int:
        """Number of commits by `Lake`: a version of the rows, which compaction and vacuum do not move."""
        return self.position(CONTENT) or 0

    def position(self, app_id: str) -> int | None:
        """Return the newest version recorded for an application transaction, or None."""
        # Delta reads its log for each query, and one refresh repeats the same a dozen times.
        asked, positions = (self.version, app_id), self.loaded.positions
        if asked not in positions:
            positions[asked] = self.delta.transaction_version(app_id)
        return positions[asked]

    def note_written(self, before: int, positions: Mapping[str, int]) -> None:
        """Keep the positions of all application transactions after a commit, so that they are not asked for again.

        Args:
            before: the Delta version that this handle wrote on.
            positions: those that the commit recorded.
        """
        asked = self.loaded.positions
        # If the version is another than the next one, another writer's commit lies between, or nothing was written.
        if self.version == before + 1:
            kept = {app_id: position for (version, app_id), position in asked.items() if version == before}
            self.loaded.positions = {(self.version, app_id): at for app_id, at in {**kept, **positions}.items()}

    @property
    def rows(self) -> int:
        """The number of rows: by the log, which has that of each file that Delta wrote.

        Raises:
            LakeDamaged: a data file is gone or broken.
        """
        counts = self.delta.files()["num_records"]
        if counts.has_nulls():
            return self.scan().select(pl.len()).collect().item()
        self._refuse_damage()
        return int(counts.sum())

    def scan(self) -> pl.LazyFrame:
        """Scan the rows of this version, with exactly the columns of the contract.

        Raises:
            LakeDamaged: a data file is gone or broken.
        """
        self._refuse_damage()
        if self.delta.files().is_empty():
            return pl.LazyFrame(schema=self.table.schema)
        return pl.scan_delta(self.delta).select(columns_of(self.delta, self.table))

    def _refuse_damage(self) -> None:
        if any(damage := damage_of(self.delta)):
            raise files_damaged(self.table, self.delta.table_uri, damage)

    def to_write(self) -> StoredTable:
        """Return this version for writing; each write moves it, and this handle, to the new version.

        Readers keep their version, because Polars reads a scan only when it is collected.
        """
        with _LOCK:
            if not self.loaded.is_shared:
                self.loaded.is_written = True
                return self.delta
        self.loaded = Loaded(self.delta.loaded_again(), is_written=True)
        return self.delta


@dataclass(frozen=True)
class LoadedTables:
    """Cache of the newest version of each table, valid while it is the newest, and of the rows changed last.

    Attributes:
        changes: the rows that the last writes changed.
    """

    changes: ChangesKept = field(default_factory=ChangesKept)
    _loaded: dict[LakeTable, Loaded] = field(default_factory=dict)

    def find(self, table: LakeTable) -> Handle | None:
        """Return a handle of the cached version; None if the table has to be loaded."""
        with _LOCK:
            found = self._loaded.get(table)
            if found is None or found.is_written or found.commit is None or not found.commit.is_newest():
                return None
            found.is_shared = True
            return Handle(table, found)

    def keep(self, handle: Handle) -> None:
        """Cache the version that a handle has loaded or written."""
        newest = newest_commit(handle.delta)
        handle.loaded = self._loaded[handle.table] = Loaded(handle.delta, newest, handle.loaded.positions)
