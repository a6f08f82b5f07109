"""Versions of kafka-python whose internals this project uses; with others it reads and sends more slowly."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

installed = version("kafka-python")
TESTED: Final = frozenset({"3.0.12"})


def untested() -> str | None:
    """Return why the installed client's internals are not used; None if it is a tested version."""
    if installed in TESTED:
        return None
    return f"kafka-python {installed} is not one of the tested versions {', '.join(sorted(TESTED))}"
