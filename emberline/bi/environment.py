"""Superset's own environment, installed once for a user: it cannot share the project's libraries.

Superset needs SQLAlchemy 1.4 and older releases of pandas and pyarrow. `superset.lock` pins what is installed, by hash.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uv

from emberline.embedded.errors import DownloadFailed
from emberline.embedded.jars import cache_folder
from emberline.embedded.state import locked

_LOCK: Final = Path(__file__).with_name("superset.lock")
_PYTHON: Final = ">=3.11,<3.13"
"""The releases of Python that all packages of the lock file have wheels for."""
_DONE: Final = "installed"


def installed() -> Path | None:
    """The folder of the programs if the environment of this lock file is completely installed, else None."""
    folder = _folder()
    return folder / "bin" if (folder / _DONE).is_file() else None


def environment(on_progress: Callable[[str], None]) -> Path:
    """Return the folder of the programs; install them first if they are missing.

    Raises:
        DownloadFailed: A package or a matching Python could not be downloaded.
    """
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if installed() is None:
            on_progress("installing Superset in an environment of its own: some 700 MB, once for this user")
            _uv("venv", "--clear", "--python", _PYTHON, str(folder))
            # Without bytecode each start would compile Superset again.
            _uv("pip", "install", "--python", str(folder), "--compile-bytecode", "--require-hashes", "-r", str(_LOCK))
            (folder / _DONE).touch()
    return folder / "bin"


def _folder() -> Path:
    return cache_folder() / f"superset-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]}"


def _uv(*words: str) -> None:
    # A virtual environment that is active here is not the one to change.
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [uv.find_uv_bin(), *words], env=inherited, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DownloadFailed(
            f"Superset could not be installed: {done.stderr.strip()[-1000:]}",
            place=_folder(),
            next_step="check the network and the proxy (HTTPS_PROXY), then run it again",
        )
