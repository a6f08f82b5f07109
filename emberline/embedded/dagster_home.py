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
"""Characters that paths must not have: gRPC decodes a socket's path like a URI, and Dagster uses glob patterns."""

_LONGEST_SOCKET = 103
"""Most bytes in the path of a socket on macOS; Linux allows a few more."""


def home_of(state: StateFolder) -> Path:
    """Return the path of Dagster's home, whether it exists or not; nothing is created."""
    return located(state, _NAME)


def dagster_home(state: StateFolder, on_progress: Callable[[str], None] = lambda _: None) -> Path:
    """Create and return Dagster's home; outside the state folder if Dagster does not support that path.

    Raises:
        FolderGone: It was outside, and no longer exists.
        PathTooLong: The path is too long for a socket, and so is the one outside.
        PathUnfit: The path has characters that Dagster does not support, and so has the one outside.
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
