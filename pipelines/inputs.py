"""How a table records which versions of its inputs it includes, and how it is made to forget them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from pipelines.lake import Handle, Lake

_FORGOTTEN: Final = "forgotten"
"""The application transaction that holds the content of the commit after which a table includes nothing."""


def input_id(name: str) -> str:
    """The application transaction under which a table records an input."""
    return f"input/{name}"


CODE_INPUT: Final = input_id("code")
"""The application transaction under which a fact records the version of the code that computed it."""

FIRST_CODE: Final = 1
"""The version of code that no fact has recorded: facts were computed before versions were."""


def recorded_input(handle: Handle, name: str) -> int | None:
    """The version of an input, by its application transaction, that a table includes; None where it forgot it."""
    return None if handle.position(_FORGOTTEN) == handle.content else handle.position(name)


def forget_inputs(lake: Lake, handle: Handle) -> None:
    """Let a table include nothing until it is written again: its next refresh computes it from scratch.

    Raises:
        LakeConflict: another writer committed since the handle was loaded.
    """
    lake.append(handle, pl.DataFrame(schema=handle.table.schema), {_FORGOTTEN: handle.content + 1})
