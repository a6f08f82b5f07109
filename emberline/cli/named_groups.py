"""Find the group that a person named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import polars as pl


def group_named(name: str, groups: pl.LazyFrame, hint: str) -> dict[str, Any]:
    """Return the row of the group with this id or name.

    Args:
        name: What the person wrote.
        groups: Groups with columns `group_id` and `name`.
        hint: Name of the argument, for the error.

    Raises:
        typer.BadParameter: No group has this id or name, or several have this name.
    """
    import polars as pl

    found = groups.filter(pl.any_horizontal(pl.col("group_id", "name") == name)).collect().to_dicts()
    if not found:
        raise typer.BadParameter(f"no group has the id or name {name!r}: emberline groups", param_hint=hint)
    if len(found) > 1:
        ids = ", ".join(group["group_id"] for group in found)
        raise typer.BadParameter(f"{len(found)} groups have the name {name!r}; give an id: {ids}", param_hint=hint)
    return found[0]
