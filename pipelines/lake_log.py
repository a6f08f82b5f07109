"""Find damaged files in the log of a lake table, in a folder or in an object store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from deltalake.exceptions import DeltaError

from pipelines.lake_damage import LakeDamaged, first_line, has_marks, log_remedy, unanswered
from pipelines.lake_files import TableFiles
from pipelines.lake_place import StoredTable, local_path
from pipelines.system_refusals import refusal
from schemas.errors import EmberlineError
from schemas.lake import LakeTable

_LOG: Final = "_delta_log"
_POINTER: Final = "_last_checkpoint"
_SIGNS: Final = ("json error", "invalid checkpoint", "contiguous commit", "parse", "deserialize", "corrupt")
"""Parts of Delta's error messages on a log that exists and cannot be read."""


def is_of_log(error: Exception) -> bool:
    """Whether an error of Delta is about a log it could not parse."""
    text = str(error).lower()
    return refusal(error) is None and any(sign in text for sign in _SIGNS)


class Commit(NamedTuple):
    """The newest commit of a table in a local folder, with the identity of its file.

    A version number can be reused after a restored backup.
    """

    file: Path
    following: Path
    identity: tuple[int, int, int]

    def is_newest(self) -> bool:
        """Whether it still exists, and none follows it."""
        return _identity(self.file) == self.identity and not self.following.exists()


def newest_commit(delta: StoredTable) -> Commit | None:
    """Return the commit up to which a table was loaded; None in an object store, where a check costs a load."""
    if (folder := local_path(delta.table_uri)) is None:
        return None
    file, following = (folder / _commit(delta.version() + more) for more in (0, 1))
    identity = _identity(file)
    return None if identity is None else Commit(file, following, identity)


def is_newest_commit_empty(files: TableFiles, version: int) -> bool:
    """Whether the newest commit is an empty file, as after a loss of power; Delta reads it as no change."""
    return files.size(_commit(version)) == 0


def log_unreadable(table: LakeTable, files: TableFiles, error: Exception) -> EmberlineError:
    """Make the error of a log that Delta could not read; it names the damaged file if one is found."""
    return log_damaged(table, files) or LakeDamaged(
        f"Lake table {table.name}: its log cannot be read ({first_line(error)}).", log_remedy(table), files.uri
    )


def log_damaged(table: LakeTable, files: TableFiles) -> EmberlineError | None:
    """Make the error that names the damaged file of a log, or the store's failure; None if no file is damaged."""
    try:
        found = damage_of_log(files)
    except (DeltaError, OSError) as error:
        return unanswered(table, files.uri, error)
    if found is None:
        return None
    file, what, next_step = found
    return LakeDamaged(f"Lake table {table.name}: {what}.", next_step or log_remedy(table), files.place(file))


def damage_of_log(files: TableFiles) -> tuple[str, str, str | None] | None:
    """Find the damaged file of a table's log.

    Commits are read back to the newest checkpoint, as Delta does; of those before it only the lengths are checked.

    Returns:
        The file, what is wrong with it, and the next step (None: `log_remedy` of the table); or None if no damage is
        found.

    Raises:
        OSError: the folder cannot be read, or the store does not answer.
    """
    sizes = {Path(name).name: size for name, size in files.sizes(_LOG).items()}
    commits = {int(stem) for name in sizes if name.endswith(".json") and (stem := Path(name).stem).isdigit()}
    parts = {name: int(name[:20]) for name in sizes if ".checkpoint" in name and name[:20].isdigit()}
    start = max(parts.values(), default=-1)
    for version in sorted(commits, reverse=True):
        if not sizes[f"{version:020}.json"] or (version > start and not _is_commit(files, version)):
            newest = "newest commit" if version == max(commits) else f"commit of version {version}"
            return _commit(version), f"the {newest} of its log is empty or cut off", None
    if _POINTER in sizes and (pointed := _pointed_at(files)) not in parts.values():
        missing = "cannot be read" if pointed is None else f"names the checkpoint of version {pointed}, which is gone"
        next_step = "Remove that file: all commits are there, and the table is read from them."
        is_whole = _is_whole(files, commits)
        return f"{_LOG}/{_POINTER}", f"the pointer of its log {missing}", next_step if is_whole else None
    for name in sorted(name for name, version in parts.items() if version == start and name.endswith(".parquet")):
        if not has_marks(files.read(f"{_LOG}/{name}")):
            next_step = f"Remove that file and {_POINTER}: all commits are there, and the table is read from them."
            what = f"the checkpoint of version {start} of its log is not what was written"
            return f"{_LOG}/{name}", what, next_step if _is_whole(files, commits) else None
    later = [version for version in commits if version > start]
    if gaps := [version for version in range(start + 1, max(later, default=start)) if version not in commits]:
        return _commit(gaps[0]), f"the commit of version {gaps[0]} of its log is gone", None
    return None


def _identity(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _commit(version: int) -> str:
    return f"{_LOG}/{version:020}.json"


def _is_whole(files: TableFiles, commits: set[int]) -> bool:
    """Whether all commits exist, so that the table can be read without a checkpoint."""
    is_complete = bool(commits) and commits == set(range(max(commits) + 1))
    return is_complete and all(_is_commit(files, version) for version in commits)


def _is_commit(files: TableFiles, version: int) -> bool:
    content = files.read(_commit(version)).decode("utf-8", "replace")
    lines = [line for line in content.splitlines() if line.strip()]
    try:
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)
    except ValueError:
        return False


def _pointed_at(files: TableFiles) -> int | None:
    try:
        return int(json.loads(files.read(f"{_LOG}/{_POINTER}"))["version"])
    except (ValueError, KeyError, TypeError):
        return None
