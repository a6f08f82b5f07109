"""The folder of a state folder's lake: in it, or linked from it where Delta cannot write below its path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from emberline.embedded.outside import located, placed
from emberline.embedded.state import StateFolder
from pipelines.lake_place import unfit_in

_NAME: Final = "lake"


def lake_of(state: StateFolder) -> Path:
    """Return the folder of the lake that is there, or of one that could be; nothing is made."""
    return located(state, _NAME)


def lake_folder(state: StateFolder, on_progress: Callable[[str], None] = lambda _: None) -> Path:
    """Return the folder of the lake; the first call of a path that Delta cannot take makes one elsewhere.

    Raises:
        FolderGone: The lake lies elsewhere, and is not there any more.
    """
    return placed(state, _NAME, is_unfit=unfit_in, on_progress=on_progress)
