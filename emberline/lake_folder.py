"""The folder of a state folder's lake: in it, or linked from it where Delta cannot write below its path."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_data_path

from emberline.embedded.errors import EngineError
from emberline.embedded.state import MARKER, StateFolder
from pipelines.lake_place import unfit_in


class LakeGone(EngineError):
    """The folder that the state folder's lake lies in is not there."""


def lake_folder(state: StateFolder, on_progress: Callable[[str], None] = lambda _: None) -> Path:
    """Return the folder of the lake; the first call of a path that Delta cannot take makes one elsewhere.

    Raises:
        LakeGone: The lake lies elsewhere, and is not there any more.
    """
    folder = state.path / "lake"
    with state.lock("lake"):
        if not folder.is_symlink() and not folder.exists() and unfit_in(folder):
            _place_elsewhere(folder, on_progress)
        if not folder.is_symlink():
            return folder
        if not folder.is_dir():
            raise LakeGone(
                "the lake of this state folder is gone: it lay outside, where a link leads to",
                place=folder.readlink(),
                next_step=f"restore it there; to begin with an empty lake, remove the link {folder}",
            )
        return folder.resolve()


def _place_elsewhere(link: Path, on_progress: Callable[[str], None]) -> None:
    above = user_data_path("emberline") / "lakes"
    if unfit_in(above):  # no better: opening the lake says what is wrong with the state folder's path
        return
    folder = above / secrets.token_hex(8)
    folder.mkdir(mode=0o700, parents=True)
    (folder / MARKER).touch()  # so that destroying the state folder removes this one too
    link.symlink_to(folder)
    on_progress(f"the lake lies in {folder}, as Delta cannot write below the state folder's path")
