"""Convert failures of the system to errors of this project, and store the traces of defects."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from emberline.embedded.state import MARKER
from emberline.settings import load_settings
from pipelines.system_refusals import refusal
from schemas.errors import EmberlineError

_MOST_BYTES: Final = 1 << 20


def explained(error: BaseException) -> EmberlineError | None:
    """Return an error that a person can act on; None if there is none, which means a defect."""
    for found in _chain(error):
        if isinstance(found, EmberlineError):
            return found
        if known := refusal(found) or _damage(found):
            return known
    return None


def _damage(error: BaseException) -> EmberlineError | None:
    """Return the error for a damaged data file, with its table if it can be found."""
    # Slow to import, and needed by few.
    from emberline.services import Services
    from pipelines.lake_damage import damage_by_message
    from pipelines.lake_search import damage_in

    known = damage_by_message(type(error).__name__, str(error))
    if known is None or known.place is not None:
        return known
    with suppress(EmberlineError, OSError):
        return damage_in(Services(load_settings(), looks_only=True).lake()) or known
    return known


def has_log(state: Path) -> bool:
    """Return whether a folder is a state folder, in which traces are stored."""
    try:
        return (state / MARKER).is_file()
    except OSError:  # this user may not read it
        return False


def keep_trace(trace: str, state: Path) -> Path | None:
    """Append the trace of a defect to `errors.log` of the state folder, or to a new file if there is no such folder.

    Returns:
        The file, readable only by this user; None if none can be written.
    """
    try:
        if not has_log(state):
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
    """Return the error and its causes, the outermost first."""
    while error is not None:
        yield error
        error = error.__cause__
