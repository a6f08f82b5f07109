"""Loopback ports that an engine keeps from one start to the next."""

import random
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from emberline.embedded.errors import EngineDied, PortTaken
from emberline.embedded.state import write_private

LOOPBACK = "127.0.0.1"

# Below the ranges of ephemeral ports of Linux (from 32768) and macOS (from 49152): a port in them
# could be a client's port by the time the engine starts again.
_RANGE = range(20_000, 32_000)
_PORTS_TRIED = 50
_LAUNCHES_TRIED = 3

# The kernel takes a moment to close the sockets of a process just killed.
_PATIENCE_S = 2.0
_POLL_S = 0.02


def launch_on_kept_ports(files: Sequence[Path], launch: Callable[..., None]) -> None:
    """Call `launch` with the stored port of each file, and with new ports if other programs took them.

    Args:
        files: Files that store the ports.
        launch: Starts an engine on these ports; raises EngineDied if it does not become ready.

    Raises:
        EngineDied: The engine did not become ready for another reason than a port.
        PortTaken: Other programs took the ports every time.
    """
    for tries_left in reversed(range(_LAUNCHES_TRIED)):
        ports = [kept_port(file) for file in files]
        try:
            launch(*ports)
            return
        except EngineDied as error:
            if all(map(is_free, ports)):
                raise
            if not tries_left:
                raise PortTaken(
                    f"other programs took ports {ports} before the engine had them",
                    place=error.file,
                    next_step="start again",
                ) from error


def kept_port(file: Path) -> int:
    """Return the port stored in `file`, or a new one if there is none or it is taken.

    Raises:
        PortTaken: No free port was found.
    """
    remembered = _remembered(file)
    if remembered is not None and _becomes_free(remembered):
        return remembered
    for port in random.sample(_RANGE, _PORTS_TRIED):
        if is_free(port):
            write_private(file, str(port))
            return port
    raise PortTaken(
        f"{_PORTS_TRIED} ports of {LOOPBACK} from {_RANGE.start} to {_RANGE.stop} are all taken",
        place=file.parent,
        next_step="end programs that hold many ports, then start again",
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As the engines do, so that connections of a server just stopped do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _becomes_free(port: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _remembered(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
