"""As which error of this project a failure of the system is told, and where the trace of a defect is kept."""

from __future__ import annotations

import datetime as dt
import errno
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

from emberline.embedded.state import MARKER
from schemas.errors import EmberlineError

_ANOTHER_FOLDER: Final = "choose another state folder with --state or EMBERLINE__STATE"
_NEXT_STEPS: Final = {
    errno.ENOSPC: "Make room there, then repeat the command. What was committed before is whole.",
    errno.EDQUOT: "Make room there or have the quota raised, then repeat the command.",
    errno.EROFS: f"Mount it so that it can be written, or {_ANOTHER_FOLDER}.",
    errno.EACCES: f"Let this user read and write it, or {_ANOTHER_FOLDER}.",
    errno.EPERM: f"Let this user read and write it, or {_ANOTHER_FOLDER}.",
    errno.ENAMETOOLONG: "Choose a shorter path, such as a state folder nearer to the root with --state.",
    errno.ELOOP: "Mend the symbolic links, which lead in a circle.",
    errno.EMFILE: "Allow more open files (ulimit -n), then repeat the command.",
    errno.ENFILE: "End programs that hold many files open, then repeat the command.",
    errno.ENOMEM: "End programs that hold much memory, then repeat the command.",
    errno.EIO: "See that the disk is healthy and still there, then repeat the command.",
    errno.ESTALE: "Mount the network's file system again, then repeat the command.",
}
"""What to do about failures of the operating system that are no defects of this project."""

_MOST_BYTES: Final = 1 << 20


class SystemRefused(EmberlineError):
    """The operating system refused a file or a folder: no room, no right, no such medium."""


def explained(error: BaseException) -> EmberlineError | None:
    """Return the error that a person can act on, None where there is none: then it is a defect."""
    for found in _chain(error):
        if isinstance(found, EmberlineError):
            return found
        if isinstance(found, OSError) and found.errno in _NEXT_STEPS:
            place = found.filename2 or found.filename
            cause = f"The operating system refused: {os.strerror(found.errno)}."
            return SystemRefused(cause, _NEXT_STEPS[found.errno], None if place is None else os.fsdecode(place))
    return None


def keep_trace(trace: str, state: Path) -> Path | None:
    """Append the trace of a defect to `errors.log` of the state folder, or to a new file where there is no such folder.

    Returns:
        The file, readable by this user only; None where none can be written.
    """
    try:
        if not (state / MARKER).is_file():
            return _new_file(trace)
        file = state / "errors.log"
        if file.exists() and file.stat().st_size > _MOST_BYTES:
            file.replace(file.with_suffix(".log.1"))
        return _appended(file, trace)
    except OSError:
        return None


def _new_file(trace: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="emberline-error-", suffix=".log", text=True)
    os.close(descriptor)
    return _appended(Path(name), trace)


def _appended(file: Path, trace: str) -> Path:
    heading = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ} emberline {version('emberline')}, Python {sys.version}"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
        log.write(f"{heading}\n{shlex.join(sys.argv)}\n{trace.rstrip()}\n\n")
    return file


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from, the outermost first."""
    while error is not None:
        yield error
        error = error.__cause__
