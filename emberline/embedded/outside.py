"""Folders of a state folder that lie outside it, behind a link: what uses them cannot take the state folder's path."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_data_path

from emberline.embedded.errors import FolderGone
from emberline.embedded.state import MARKER, StateFolder


def located(state: StateFolder, name: str) -> Path:
    """Return where the folder of this name is or would be, free of symbolic links; nothing is made."""
    return (state.path / name).resolve()


def placed(
    state: StateFolder,
    name: str,
    *,
    is_unfit: Callable[[Path], object],
    moves: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Return where the folder of this name belongs; one that does not fit into the state folder is made outside.

    Args:
        state: Where it is, or a link to it.
        name: Of the folder or the link.
        is_unfit: Tells of a path whether it cannot be used.
        moves: Move a folder that is there and unfit: the state folder was renamed. Only where nobody can work on it;
            else it stays, and who uses it says what is wrong with its path.
        on_progress: Receives a line for people when a folder was made outside.

    Raises:
        FolderGone: It lay outside, and is not there any more.
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
