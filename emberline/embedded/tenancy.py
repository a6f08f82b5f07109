"""The lock that prevents two engines from using one folder.

A pid file can be lost, or name a process of another container. Two brokers on one folder destroy
each other's metadata: Kafka's own lock guards its topics only, and is taken after the metadata is
opened. So an engine inherits an open, locked file from the command that launches it. The kernel
keeps the lock as long as the engine or any of its children lives, however they end.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from emberline.embedded.errors import FolderBusy
from emberline.embedded.state import StateFolder

# A process that was just killed releases its files after a moment.
_PATIENCE_S = 3.0
_POLL_S = 0.02


@contextmanager
def tenancy(state: StateFolder, engine: str) -> Iterator[int]:
    """Hold the lock and yield its descriptor, which the launched engine must inherit.

    Args:
        state: The state folder.
        engine: Name of the engine; each has its own lock.

    Raises:
        FolderBusy: An engine of another user or container still holds the lock.
    """
    file = state.path / f"{engine}.in-use"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                raise FolderBusy(
                    f"an engine this command cannot see uses the {engine} files of {state.path}",
                    place=state.path,
                    next_step="stop it where it was started (another container?), then start again",
                )
            time.sleep(_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
