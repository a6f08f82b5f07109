"""The folder of the lake: in the state folder, or linked from it if Delta does not support its path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from emberline.embedded.outside import located, placed
from emberline.embedded.state import StateFolder
from pipelines.lake_place import unfit_in

_NAME: Final = "lake"


def lake_of(state: StateFolder) -> Path:
    """Return the folder of the lake, whether it exists or not; nothing is created."""
    return located(state, _NAME)


def lake_folder(state: StateFolder, on_progress: Callable[[str], None] = lambda _: None) -> Path:
    """Return the folder of the lake; if Delta does not support the path, the first call creates one elsewhere.

    Raises:
        FolderGone: The lake was elsewhere, and no longer exists.
    """
    return placed(state, _NAME, is_unfit=unfit_in, on_progress=on_progress)
