"""Past cases of dying groups: how many recovered, and which of their components rose."""

from __future__ import annotations

from typing import Final

import polars as pl

_ENDS: Final = {"alive": True, "revived": True, "dead": False, "ended": False}
_MAY_HELP: Final = {
    "operator_messages_7d": "messages of operators a week",
    "replies_7d": "replies a week",
    "joined_28d": "joined in 28 days",
    "newly_active_28d": "newly active in 28 days",
}


def precedent(spells: pl.DataFrame) -> str | None:
    """Say how many dying groups recovered, and which components had risen in these when they did.

    This is an observation, not a cause. The medians are over groups that recovered: on the first day on which they were
    dying, and on the first on which they were alive again.

    Args:
        spells: Columns of `schemas.warehouse.group_state`.

    Returns:
        A sentence without its full stop; None if no dying group has recovered yet.
    """
    ends = (
        spells.filter(pl.col("state").is_in(["dying", *_ENDS]))
        .sort("group_id", "since")
        .with_columns(
            next_state=pl.col("state").shift(-1).over("group_id"),
            **{f"{name}_after": pl.col(name).shift(-1).over("group_id") for name in _MAY_HELP},
        )
        .filter(pl.col("state") == "dying", pl.col("next_state").is_in(list(_ENDS)))
    )
    saved = ends.filter(pl.col("next_state").replace_strict(_ENDS, return_dtype=pl.Boolean))
    if saved.is_empty():
        return None
    risen = []
    for name, words in _MAY_HELP.items():
        before, after = saved[name].median(), saved[f"{name}_after"].median()
        if isinstance(before, (int, float)) and isinstance(after, (int, float)) and after > before:
            risen.append(f"{words} {before:g} -> {after:g}")
    counts = f"{saved.height} of {ends.height} dying groups recovered"
    return f"{counts}; medians of these: {', '.join(risen)}" if risen else counts
