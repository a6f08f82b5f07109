"""Command lines in hints, which work when pasted, however the current command was called."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import typer


def command(*arguments: str, state: Path | None = None) -> str:
    """Return a command line of emberline for the calling shell.

    Args:
        arguments: What follows the name of the program.
        state: The state folder, if it is not the default.
    """
    folder = [] if state is None else ["--state", str(state)]
    return shlex.join([*_program(), *folder, *arguments])


def next_command(context: typer.Context, *arguments: str) -> str:
    """Return a command line with the state folder of the current command."""
    return command(*arguments, state=context.find_root().params.get("state"))


def _program() -> list[str]:
    """Return how this program was called: by name, by path, or as a Python module."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return [_near(Path(sys.executable)), "-m", "emberline"]
    found = shutil.which(called.name)
    if found is not None and _is_same(Path(found), called):
        return [called.name]
    return [_near(called)]


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _near(program: Path) -> str:
    """Return the relative path if the program is in the working folder, else the absolute path."""
    whole = Path(os.path.abspath(program))  # noqa: PTH100 - links stay: the one in a virtual environment is its Python
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)
