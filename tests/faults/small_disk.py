"""A small disk in memory, of a test's own. Mounting one takes root, and not every container lets root do it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


class NotMounted(RuntimeError):
    """This user, or this container, may not mount a disk."""


class SmallDisk:
    """A disk mounted at a folder."""

    def __init__(self, folder: Path, kilobytes: int) -> None:
        """Mount it; raise `NotMounted` where that is not allowed."""
        self.folder = folder
        try:
            self._mount(f"size={kilobytes}k")
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            raise NotMounted("a small disk can only be mounted by root, and not in every container") from error

    def resize(self, kilobytes: int) -> None:
        """Give it another size, which must hold what is on it."""
        self._mount(f"remount,size={kilobytes}k")

    def fill(self) -> None:
        """Leave no room. Not with a file: the disk is memory, so it is made as small as what is on it."""
        while True:
            found = os.statvfs(self.folder)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            # Somebody may write between the two looks, and then this size is too small.
            with suppress(subprocess.CalledProcessError):
                return self.resize(max(used // 1024, 4))

    def remove(self) -> None:
        """Unmount it; what was on it is gone."""
        subprocess.run(["/bin/umount", self.folder], check=True)

    def _mount(self, options: str) -> None:
        command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder]
        subprocess.run(command, check=True, capture_output=True)


@contextmanager
def small_disk_in(folder: Path, kilobytes: int) -> Iterator[SmallDisk]:
    """A disk below a folder of a test, which is skipped where none can be mounted."""
    place = folder / "disk"
    place.mkdir()
    try:
        disk = SmallDisk(place, kilobytes)
    except NotMounted as reason:
        pytest.skip(str(reason))
    yield disk
    disk.remove()
