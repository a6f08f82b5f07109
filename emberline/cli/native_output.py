"""Keep native output of libraries on standard error off the terminal, such as reports of Rust panics."""

from __future__ import annotations

import faulthandler
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

_DESCRIPTOR: Final = 2
_MOST_BYTES: Final = 1 << 16


@contextmanager
def native_output_kept(keep: Callable[[str], object]) -> Iterator[None]:
    """Redirect descriptor 2 while the block runs; `sys.stderr` writes to the same place as before.

    A panic also raises an exception, which is reported. A crash raises none, so its output is shown at the end.

    Args:
        keep: Called with what was written, if anything; of long output, with the end.
    """
    if not _is_of_the_process():
        yield
        return
    sys.stderr.flush()
    before, own = sys.stderr, os.dup(_DESCRIPTOR)
    # Never closed: a logger may keep the stream after the block.
    sys.stderr = open(own, "w", encoding=before.encoding, errors=before.errors, closefd=False, buffering=1)  # noqa: SIM115
    is_crash_shown = not faulthandler.is_enabled()
    with _file() as file:
        os.dup2(file.fileno(), _DESCRIPTOR)
        if is_crash_shown:
            faulthandler.enable(own)
        try:
            yield
        finally:
            if is_crash_shown:
                faulthandler.disable()
            os.dup2(own, _DESCRIPTOR)
            sys.stderr.flush()
            sys.stderr = before
            if written := _end_of(file):
                keep(written)


def give_native_output_back() -> None:
    """Point descriptor 2 to where `sys.stderr` writes, for a program that replaces this process."""
    if isinstance(sys.stderr, io.TextIOWrapper):
        os.dup2(sys.stderr.fileno(), _DESCRIPTOR)


def _is_of_the_process() -> bool:
    """Whether Python's standard error is descriptor 2 and not replaced by a test or an outer block."""
    try:
        return sys.stderr.fileno() == _DESCRIPTOR
    except (OSError, ValueError):  # it has no descriptor, or is closed
        return False


def _file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError:  # no room, or no folder for it
        return open(os.devnull, "w+b")  # noqa: PTH123


def _end_of(file: IO[bytes]) -> str:
    try:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_BYTES))
        return file.read().decode(errors="replace").strip()
    except OSError:
        return ""
