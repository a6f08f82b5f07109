"""The files of one lake table by their names within it, alike in a folder and in an object store."""

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
    """What lies under the URI of a table; `storage_options` are those of its lake.

    Every call raises `OSError` where the folder cannot be read or the store does not answer, and `DeltaError` where
    there is no such folder.
    """

    uri: str
    storage_options: Mapping[str, str]

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None where it is not there."""
        if (folder := local_path(self.uri)) is not None:
            file = folder / name
            return file.stat().st_size if file.exists() else None
        return self._system.get_file_info(name).size

    def sizes(self, below: str = "") -> dict[str, int]:
        """Return the bytes of each file below a folder of the table, by its name within the table."""
        # Slow to import, and needed by few.
        from pyarrow.fs import FileSelector

        found = self._system.get_file_info(FileSelector(below, allow_not_found=True, recursive=True))
        return {file.path: file.size for file in found if file.size is not None}

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with self._system.open_input_file(name) as file:
            return file.read()

    def place(self, name: str) -> str:
        """Say where a file is, as a person finds it."""
        return f"{self.uri}/{name}"

    @cached_property
    def _system(self) -> PyFileSystem:
        from pyarrow.fs import PyFileSystem

        return PyFileSystem(DeltaStorageHandler(self.uri, dict(self.storage_options)))
