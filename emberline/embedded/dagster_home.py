"""Dagster's home, in the state folder or linked from it: instance file, workspace, socket, logs and process ids."""

import os
from collections.abc import Callable
from pathlib import Path

from emberline.embedded.errors import PathTooLong, refuse_characters, unfit_characters
from emberline.embedded.outside import located, placed
from emberline.embedded.state import StateFolder

SOCKET = "code.sock"
"""Name of the code server's socket."""

_NAME = "dagster"
_UNFIT = "#%?[*"
"""gRPC decodes the path of a socket like a URI, and Dagster finds its instance file by a pattern."""

_LONGEST_SOCKET = 103
"""Bytes in the path of a socket: macOS takes so many, Linux a few more."""


def home_of(state: StateFolder) -> Path:
    """Return where Dagster's home is or would be; nothing is made."""
    return located(state, _NAME)


def dagster_home(state: StateFolder, on_progress: Callable[[str], None] = lambda _: None) -> Path:
    """Make Dagster's home and return it; outside the state folder where Dagster cannot take that path.

    Raises:
        FolderGone: It lay outside, and is not there any more.
        PathTooLong: The path leaves no room for a socket, and that outside neither.
        PathUnfit: It has characters that Dagster does not take, and that outside too.
    """
    folder = placed(state, _NAME, is_unfit=_is_unfit, moves=True, on_progress=on_progress)
    refuse_characters("Dagster", folder, _UNFIT)
    if (taken := _socket_bytes(folder)) > _LONGEST_SOCKET:
        raise PathTooLong(
            f"the path of a socket has {taken} bytes, and at most {_LONGEST_SOCKET} are possible",
            place=folder / SOCKET,
            next_step="choose a folder nearer to the root with --state or EMBERLINE__STATE",
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _is_unfit(folder: Path) -> bool:
    return bool(unfit_characters(folder, _UNFIT)) or _socket_bytes(folder) > _LONGEST_SOCKET


def _socket_bytes(folder: Path) -> int:
    return len(os.fsencode(folder / SOCKET))
