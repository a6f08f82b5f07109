"""Folders outside of the state folder, behind a link in it, for programs that do not support its path."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_data_path

from emberline.embedded.errors import FolderGone
from emberline.embedded.state import MARKER, StateFolder


def located(state: StateFolder, name: str) -> Path:
    """Return the path of a folder by name, links resolved, whether it exists or not; nothing is created."""
    return (state.path / name).resolve()


def placed(
    state: StateFolder,
    name: str,
    *,
    is_unfit: Callable[[Path], object],
    moves: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Return the path of a folder by name; if its path in the state folder is not supported, create it outside.

    Args:
        state: The state folder with the folder, or with a link to it.
        name: Name of the folder or the link.
        is_unfit: Returns whether a path cannot be used.
        moves: Whether to move an existing folder whose path is not supported because the state folder was renamed; only
            if nothing uses it. Otherwise it stays, and its program reports the path.
        on_progress: Called with a line of text when a folder was created outside.

    Raises:
        FolderGone: It was outside, and no longer exists.
    """
    link = state.path / name
    if not link.is_symlink() and is_unfit(link) and (moves or not link.exists()):
        with state.lock("outside"):
            if not link.is_symlink():
                _place_outside(link, is_unfit, on_progress)
    if link.is_symlink() and not link.is_dir():
        raise FolderGone(
            f"the folder {name} of this state folder is gone: it lay outside, where a link leads to",
            place=link.readlink(),
            next_step=f"restore it there; to begin with an empty one, remove the link {link}",
        )
    return located(state, name)


def _place_outside(link: Path, is_unfit: Callable[[Path], object], on_progress: Callable[[str], None]) -> None:
    folder = user_data_path("emberline") / f"{link.name}-{secrets.token_hex(8)}"
    if is_unfit(folder):  # no better
        return
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if link.exists():
        shutil.move(link, folder)
    else:
        folder.mkdir(mode=0o700)
    (folder / MARKER).touch()  # so that destroying the state folder removes this one too
    link.symlink_to(folder)
    on_progress(f"the folder {link.name} lies in {folder}: it cannot lie below the path of the state folder")
