"""The kafka-python whose insides this project uses was tested; with another one it reads and sends more slowly."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

installed = version("kafka-python")
TESTED: Final = frozenset({"3.0.12"})


def untested() -> str | None:
    """Why the installed client's insides are left alone, or None where they are known."""
    if installed in TESTED:
        return None
    return f"kafka-python {installed} is none of the tested {', '.join(sorted(TESTED))}"
