"""Record which versions of its inputs a table includes, and reset that record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from pipelines.lake import Handle, Lake

_RESET: Final = "forgotten"
"""The application transaction that holds the `content` of the commit at which the record was reset."""


def input_id(name: str) -> str:
    """Return the application transaction under which a table records an input."""
    return f"input/{name}"


CODE_INPUT: Final = input_id("code")
"""The application transaction under which a fact records the version of the code that computed it."""

FIRST_CODE: Final = 1
"""The code version of facts computed before versions were recorded."""


def recorded_input(handle: Handle, name: str) -> int | None:
    """Return the version of an input that a table includes, by its application transaction; None after a reset."""
    return None if handle.position(_RESET) == handle.content else handle.position(name)


def reset_inputs(lake: Lake, handle: Handle) -> None:
    """Reset a table's record of its inputs, so that its next refresh computes it from scratch.

    Raises:
        LakeConflict: another writer committed since the handle was loaded.
    """
    lake.append(handle, pl.DataFrame(schema=handle.table.schema), {_RESET: handle.content + 1})
