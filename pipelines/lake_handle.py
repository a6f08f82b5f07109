"""A loaded lake table: loaded once for all that read it, and again for who writes while others may still read."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from pipelines.lake_columns import columns_of
from pipelines.lake_damage import damage_of, files_damaged
from pipelines.lake_log import Commit, newest_commit
from pipelines.lake_place import StoredTable

if TYPE_CHECKING:
    from schemas.lake import LakeTable

CONTENT: Final = "content"
"""The application transaction that is in every write of `Lake`."""

_LOCK: Final = threading.Lock()
"""Held while it is decided who may share a loaded table, and who may write through it."""


@dataclass(eq=False)
class Loaded:
    """A table as Delta loaded it.

    Attributes:
        delta: what was loaded.
        commit: the newest commit then, None where it is not known.
        positions: what was asked for: Delta version and application transaction -> the transaction's newest version.
        is_shared: more than one handle reads it, so none may write through it.
        is_written: a handle writes through it, so no other one may have it.
    """

    delta: StoredTable
    commit: Commit | None = None
    positions: dict[tuple[int, str], int | None] = field(default_factory=dict)
    is_shared: bool = False
    is_written: bool = False


@dataclass(eq=False)
class Handle:
    """One table as it stood when it was loaded; a write through it is refused where it went stale."""

    table: LakeTable
    loaded: Loaded = field(repr=False)

    @property
    def delta(self) -> StoredTable:
        """The table to read; others may share it."""
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
        """A name for its data files, and so for its rows: a version number comes again after a restored backup."""
        names = sorted(path.rpartition("/")[2] for path in self.delta.files()["path"])
        return hashlib.blake2b("/".join(names).encode(), digest_size=8).hexdigest()

    @property
    def content(self) -> int:
        """How many commits of `Lake` it holds: a Delta version that compaction and vacuum do not move."""
        return self.position(CONTENT) or 0

    def position(self, app_id: str) -> int | None:
        """The newest version recorded for an application transaction, or None where there is none."""
        # Delta goes through its log for each answer, and one refresh asks the same a dozen times.
        asked, positions = (self.version, app_id), self.loaded.positions
        if asked not in positions:
            positions[asked] = self.delta.transaction_version(app_id)
        return positions[asked]

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
        return counts.sum()

    def scan(self) -> pl.LazyFrame:
        """The rows of this version, with exactly the columns of the contract.

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
        """The table to write through, in this version; it moves with what is written, and this handle with it.

        What others read stays as it is: Polars reads a scan only when it is collected.
        """
        with _LOCK:
            if not self.loaded.is_shared:
                self.loaded.is_written = True
                return self.delta
        self.loaded = Loaded(self.delta.loaded_again(), is_written=True)
        return self.delta


@dataclass(frozen=True)
class LoadedTables:
    """The newest version of each table as it was last loaded, for as long as it is the newest."""

    _loaded: dict[LakeTable, Loaded] = field(default_factory=dict)

    def find(self, table: LakeTable) -> Handle | None:
        """Give a handle of a table that is loaded; None where it has to be loaded anew."""
        with _LOCK:
            found = self._loaded.get(table)
            if found is None or found.is_written or found.commit is None or not found.commit.is_newest():
                return None
            found.is_shared = True
            return Handle(table, found)

    def keep(self, handle: Handle) -> None:
        """Have others read what a handle has loaded, or has just written, too."""
        newest = newest_commit(handle.delta)
        handle.loaded = self._loaded[handle.table] = Loaded(handle.delta, newest, handle.loaded.positions)
