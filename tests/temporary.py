"""Where a test run keeps its temporary files: nobody needs them after a loss of power, so in memory if it has room."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil

MEMORY: Final = Path("/dev/shm")
"""A file system in memory, which Linux has; in a container it is often too small, or one no program may be run from."""

ROOM: Final = 4 * 2**30
"""Bytes that have to be free; a run takes less than a fourth of them."""


def temporary_files_in_memory(folder: Path = MEMORY) -> None:
    """Let this process and those it starts keep temporary files in memory; `TMPDIR` overrides it.

    A test makes hundreds of small files: on a disk, tests of lake and warehouse take a twelfth more processor time.
    """
    if "TMPDIR" not in os.environ and has_room(folder) and psutil.virtual_memory().available >= ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def has_room(folder: Path, room: int = ROOM) -> bool:
    """Whether a folder is there in which this user may write so many bytes, and run programs."""
    if not os.access(folder, os.W_OK | os.X_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free >= room
