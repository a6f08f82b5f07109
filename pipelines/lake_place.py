"""The place of the lake: how people, Delta and Polars write a local folder, and which characters they cannot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from schemas.errors import EmberlineError

_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\[\]^|\\=\ud800-\udfff]|%[0-9a-fA-F]{2}")
"""Characters in a parent folder's path that delta-rs 1.6 cannot handle, in any encoding.

It parses the path as a domain name (`[ ] ^ |`), decodes it twice (`%25`), treats `\\` as `/`, refuses control
characters, and resolves links first. Polars 2.1 treats `=` as a partition column.
"""

_FILES: Final = {"path": pl.String, "size_bytes": pl.Int64, "num_records": pl.Int64}


class LakePathUnfit(EmberlineError):
    """The path of the lake has characters that Delta or Polars cannot take."""


def local_path(uri: str) -> Path | None:
    """Return the local path of a URI, None if it is in an object store."""
    if uri.startswith("file://"):
        return Path(unquote(uri.removeprefix("file://")))
    return None if "://" in uri else Path(uri).expanduser().absolute()


def display(uri: str) -> str:
    """Format a URI for people: a local folder as its path."""
    return str(local_path(uri) or uri)


def unfit_in(folder: Path) -> list[str]:
    """Return the characters in a folder's path, links resolved, that rule out a lake below it; each once."""
    return list(dict.fromkeys(_UNFIT.findall(str(folder.resolve()))))


def refuse_unfit(folder: Path) -> None:
    """Check that a folder can hold a lake.

    Raises:
        LakePathUnfit: its path has characters that Delta or Polars cannot take.
    """
    if unfit := unfit_in(folder):
        shown = " ".join(ascii(found)[1:-1] if not found.isprintable() else found for found in unfit)
        raise LakePathUnfit(
            f"A lake cannot be in a folder whose path has these characters: {shown}",
            "Choose another folder: lake.uri, or --state. If the state folder was renamed, give it its old name back.",
            str(folder),
        )


class StoredTable(DeltaTable):
    """A Delta table that gives its local files as paths: Delta percent-encodes them, and Polars does not decode."""

    _listed: tuple[int, pl.DataFrame] | None = None

    def files(self) -> pl.DataFrame:
        """The data files by the log: `path` in the table's folder, encoded; `size_bytes`; `num_records`.

        Delta goes through its log for each answer, and a refresh asks a dozen times: the newest answer is kept.
        """
        if self._listed is None or self._listed[0] != self.version():
            files = pl.DataFrame(schema=_FILES)
            if super().file_uris():
                files = pl.DataFrame(self.get_add_actions()).select(files.columns)
            self._listed = self.version(), files
        return self._listed[1]

    def loaded_again(self) -> StoredTable:
        """Load the same version a second time."""
        return StoredTable(self.table_uri, version=self.version(), storage_options=self._storage_options)

    @property
    def table_uri(self) -> str:
        """Return the table's folder as a path, or its URI in an object store."""
        return display(super().table_uri)

    def file_uris(self, *args: Any, **filters: Any) -> list[str]:
        """Return the data files as paths, or their URIs in an object store; see `DeltaTable`."""
        return [unquote(file) if file.startswith("/") else file for file in super().file_uris(*args, **filters)]
