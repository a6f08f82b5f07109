"""Damage of a stored lake table: the store does not answer, or data files are gone or broken.

In a folder, files are checked before a table is read; in an object store, after reading failed: see
`pipelines.lake_search`.
"""

from __future__ import annotations

import os
import random
import re
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from pipelines.lake_files import TableFiles
from pipelines.lake_place import StoredTable, display, local_path
from pipelines.system_refusals import refusal_in
from schemas.errors import EmberlineError
from schemas.lake import (
    EVENTS,
    FEED,
    GAPS,
    GROUP_RISK,
    IDENTITY,
    IDENTITY_CHANGE,
    IDENTITY_RULING,
    QUARANTINE,
    RAW,
    RISK_MODEL,
    TABLES,
    TOUCHED,
    LakeTable,
)

CHECKED: Final = 1_000
"""Most files of a table that are checked when it is read; if it has more, a random sample."""

_SHOWN: Final = 3
_MARK: Final = b"PAR1"
_LEAST: Final = 3 * len(_MARK)
_DATA_FILE: Final = re.compile(
    r"(?P<place>[^\s'\"]*?(?P<table>[a-z_]+))/(?:month(?:=|%3D)[^/\s]*/)?(?P<file>part-[^/\s'\"]+\.parquet)"
)
_GONE: Final = "not found"
_READING: Final = (_GONE, "Range Not Satisfiable", "Parquet error", "InvalidRange")
_OF_PAGES: Final = ("ComputeError", "PanicException", "DeltaError")
_IN_PAGES: Final = ("parquet: File out of specification", "Parquet error", "range.end as u64 <= self.size")
"""Parts of error messages of Polars and Delta on a broken Parquet file."""
_AS_GONE: Final = "Move it away, as if it were gone."
_FROM_RAW: Final = (EVENTS, QUARANTINE, TOUCHED, IDENTITY, IDENTITY_CHANGE)
_RECORDS: Final = (FEED, GAPS, IDENTITY_RULING)


class LakeUnavailable(EmberlineError):
    """The store of the lake did not answer, or refused a write."""


class LakeDamaged(EmberlineError):
    """Files of a lake table are gone or broken, or its log cannot be read."""


class Damage(NamedTuple):
    """Names of a table's data files that are gone, and of those that differ from what was written."""

    lost: list[str]
    broken: list[str]


def damage_of(delta: StoredTable, most: int | None = CHECKED) -> Damage:
    """Find data files that are gone, cut off, overwritten or of another table.

    Compares lengths with the log, and checks the magic bytes at both ends of each Parquet file, not its pages.

    Args:
        delta: a version of a table. In an object store nothing is checked.
        most: most files to check; if there are more, a random sample.
    """
    folder = local_path(delta.table_uri)
    if folder is None:
        return Damage([], [])
    files = delta.files().select("path", "size_bytes").rows()
    lost, broken = [], []
    for name, size in files if most is None or len(files) <= most else random.sample(files, most):
        try:
            found = (path := folder / unquote(name)).stat()
        except FileNotFoundError:
            lost.append(name)
            continue
        if found.st_size != size or not _is_parquet(path, size, found.st_mtime_ns):
            broken.append(name)
    return Damage(sorted(lost), sorted(broken))


def damage_in_store(delta: StoredTable, files: TableFiles) -> Damage:
    """Find data files that are gone from a store, or differ in length from what was written.

    Raises:
        OSError: the store does not answer.
    """
    sizes = files.sizes()
    written = delta.files().select("path", "size_bytes").rows()
    found = {name: sizes.get(unquote(name)) for name, _ in written}
    lost = [name for name, _ in written if found[name] is None]
    return Damage(sorted(lost), sorted(name for name, size in written if found[name] not in (None, size)))


@lru_cache(maxsize=1 << 16)
def _is_parquet(path: Path, size: int, _modified: int) -> bool:
    """Whether a file begins and ends like Parquet; the answer is cached until the file changes."""
    if size < _LEAST:
        return False
    with path.open("rb") as file:
        head = file.read(len(_MARK))
        file.seek(-2 * len(_MARK), os.SEEK_END)
        return has_marks(head + file.read(), size)


def has_marks(ends: bytes, size: int | None = None) -> bool:
    """Whether there are Parquet's magic bytes at both ends, and a footer that fits; `size` is the whole file's."""
    footer = int.from_bytes(ends[-2 * len(_MARK) : -len(_MARK)], "little")
    is_marked = len(ends) >= _LEAST and ends.startswith(_MARK) and ends.endswith(_MARK)
    return is_marked and footer < (len(ends) if size is None else size)


def unanswered(table: LakeTable, uri: str, error: Exception) -> LakeUnavailable:
    """Make the error of a table that could not be read."""
    return LakeUnavailable(
        f"Lake table {table.name}: the store failed ({first_line(error)}).",
        "Nothing was written. See that the store answers and lets this user read and write, then try again.",
        uri,
    )


def unavailable(table: LakeTable, uri: str, error: Exception) -> LakeUnavailable:
    """Make the error of a table that could not be written."""
    return LakeUnavailable(
        f"Lake table {table.name}: the store failed ({first_line(error)}).",
        "The version before is whole, and the next run goes on from it. See that the store answers, has room "
        "and lets this user write.",
        uri,
    )


def files_damaged(table: LakeTable, uri: str, damage: Damage) -> LakeDamaged:
    """Make the error that names the data files that are gone, or else those that are broken."""
    files = damage.lost or damage.broken
    shown = ", ".join(Path(file).name for file in files[:_SHOWN])
    others = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    count = "1 file is" if len(files) == 1 else f"{len(files)} files are"
    if damage.lost:
        return LakeDamaged(
            f"Lake table {table.name}: {count} gone that its log names: {shown}{others}.", remedy(table), display(uri)
        )
    return LakeDamaged(
        f"Lake table {table.name}: {count} not what was written: {shown}{others}.",
        f"{_AS_GONE} {remedy(table)}" if table is RAW else remedy(table),
        display(uri),
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, without the engine's trace but with the system's refusal."""
    first, _, rest = str(error).strip().partition("\n")
    refused = refusal_in(rest)
    return first if refused is None else f"{first}: {refused.cause}".rstrip(".")


def damage_by_message(kind: str, message: str) -> LakeDamaged | None:
    """Recognise damage of a data file in an error of Polars or Delta; None if it is about something else.

    Args:
        kind: name of the error's class.
        message: its text.
    """
    if named := _DATA_FILE.search(message):
        table = TABLES.get(named["table"])
        if table is not None and any(sign in message for sign in _READING):
            is_gone = _GONE in message
            damage = Damage([named["file"]], []) if is_gone else Damage([], [named["file"]])
            found = files_damaged(table, named["place"], damage)
            return LakeDamaged(found.cause, found.next_step, named["place"])
    if kind in _OF_PAGES and any(sign in message for sign in _IN_PAGES):
        return LakeDamaged(
            f"A data file of the lake is not what was written ({message.strip().partition(chr(10))[0]}).",
            "Find out which one, and what to do about it: emberline doctor --read",
        )
    return None


def remedy(table: LakeTable) -> str:
    """Return what to do about data files that are gone."""
    if table is RAW:
        return (
            "Restore what is gone from a backup, or from the versions that the store keeps. What was decoded of it is "
            "in events. If there is no copy: `emberline run --accept-gaps` goes on without it, and a later rebuild of "
            "events has it no more."
        )
    return log_remedy(table)


def log_remedy(table: LakeTable) -> str:
    """Return what to do about a log that cannot be read."""
    if table is RAW:
        return (
            "Restore that file from a backup. If it is the newest commit and there is no copy, move it away: raw then "
            "ends at the commit before, and the next run reads the rest from Kafka again."
        )
    if table in _RECORDS:
        return "Restore it from a backup: it cannot be computed from anything else."
    if table in _FROM_RAW:
        return "Decode raw again: `emberline rebuild events`; nothing else is lost. `emberline doctor` looks for more."
    computed = "move the table's folder away, then `emberline run` computes it from scratch."
    if table in (RISK_MODEL, GROUP_RISK):
        return f"Restore it from a backup; if there is no copy, {computed} The risks of earlier days are then lost."
    return f"Nothing is lost: {computed} `emberline doctor` looks for more."
