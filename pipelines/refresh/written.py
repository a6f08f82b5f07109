"""How a refresh ends: the rows are stored where they differ, and what they include is noted either way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from pipelines.lake import Handle, Lake

_ROWS: Final = "rows"
"""The application transaction that moves only when rows of a fact change, while its contents move with every note."""

SETTINGS: Final = "settings"
"""The name under which facts note the fingerprint of the settings they depend on."""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: `rows` are the fact's rows now, the others what it recomputed, 0 where it does not count so.

    Of a fact built anew every day counts, and no person or group: all are.
    """

    is_changed: bool
    rows: int
    days: int = 0
    persons: int = 0
    groups: int = 0


def input_id(name: str) -> str:
    """The application transaction under which a fact notes an input."""
    return f"input/{name}"


def noted(handle: Handle, names: Mapping[str, int]) -> dict[str, int | None]:
    """What a fact noted of these inputs at its last commit."""
    return {name: handle.position(name) for name in names}


def recorded(fact: Handle, name: str) -> int | None:
    """The number that a fact noted of an input at its last commit; None where it has none of that name."""
    return fact.position(input_id(name))


def rows_version(handle: Handle) -> int:
    """A number that moves with the rows of a table; notes of a refresh that changed none leave it."""
    return handle.position(_ROWS) or handle.content


def unchanged(handle: Handle) -> Refreshed:
    """The outcome of a refresh that had nothing to do."""
    return Refreshed(is_changed=False, rows=handle.scan().select(pl.len()).collect().item())


def write(
    lake: Lake,
    handle: Handle,
    rows: pl.DataFrame,
    stored: pl.DataFrame,
    seen: Mapping[str, int],
    recomputed: Refreshed = Refreshed(is_changed=False, rows=0),
) -> Refreshed:
    """Replace the rows of a fact if they differ from the stored ones, and note its inputs.

    Args:
        lake: holds the fact.
        handle: of the fact, from which `stored` was read.
        rows: all rows the fact is to have, in any order.
        stored: all rows it has, in any order.
        seen: the inputs that `rows` include.
        recomputed: what was counted on the way; the rest of it is filled in here.
    """
    table = handle.table
    rows = rows.select(table.schema.names()).sort(table.key)
    if rows.equals(stored.select(table.schema.names()).sort(table.key), null_equal=True):
        note(lake, handle, seen)
        return replace(recomputed, is_changed=False, rows=rows.height)
    lake.replace(handle, rows, {**seen, **moved(handle)})
    return replace(recomputed, is_changed=True, rows=rows.height)


def note(lake: Lake, handle: Handle, seen: Mapping[str, int]) -> None:
    """Note the inputs of a fact whose rows they do not change."""
    lake.append(handle, pl.DataFrame(schema=handle.table.schema), {**seen, _ROWS: rows_version(handle)})


def moved(handle: Handle) -> dict[str, int]:
    """The positions that say, in a commit, that it changes rows."""
    return {_ROWS: handle.content + 1}
