"""The files of one lake table by relative name, in a folder or in an object store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from deltalake.fs import DeltaStorageHandler

from pipelines.lake_place import local_path

if TYPE_CHECKING:
    from pyarrow.fs import PyFileSystem


@dataclass(frozen=True)
class TableFiles:
    """The files under the URI of a table; `storage_options` are those of its lake.

    Every call raises `OSError` if the folder cannot be read or the store does not answer, and `DeltaError` if the
    folder does not exist.
    """

    uri: str
    storage_options: Mapping[str, str]

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if it does not exist."""
        if (folder := local_path(self.uri)) is not None:
            file = folder / name
            return file.stat().st_size if file.exists() else None
        return self._system.get_file_info(name).size

    def sizes(self, below: str = "") -> dict[str, int]:
        """Return the size in bytes of each file below a folder of the table, by its relative name."""
        # Slow to import, and rarely needed.
        from pyarrow.fs import FileSelector

        found = self._system.get_file_info(FileSelector(below, allow_not_found=True, recursive=True))
        return {file.path: file.size for file in found if file.size is not None}

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with self._system.open_input_file(name) as file:
            return file.read()

    def place(self, name: str) -> str:
        """Return the path or URI of a file, for messages."""
        return f"{self.uri}/{name}"

    @cached_property
    def _system(self) -> PyFileSystem:
        from pyarrow.fs import PyFileSystem

        return PyFileSystem(DeltaStorageHandler(self.uri, dict(self.storage_options)))
