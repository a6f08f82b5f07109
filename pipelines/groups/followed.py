"""What followed where the company did something for groups like one, in words; no cause is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

LEAST_CASES: Final = 5
"""Of fewer cases nothing is told: they may be anything."""

MOST: Final = 3
"""Actions that are told of a group: those after which most more groups were alive again than of the untreated."""

AFTER: Final = {
    "operator_wrote": "an operator wrote first",
    "red_packet": "a red packet",
    "broadcast": "a broadcast",
    "invitation_wave": "a wave of joins",
    "new_operator": "a new operator",
    "event": "an event",
    "offer": "an offer",
    "call": "a call",
    "other": "something else that was done",
}
"""Each of `schemas.interventions.ACTIONS`, as a sentence names it."""


def followed(effects: pl.DataFrame, purpose: str | None) -> list[dict[str, Any]]:
    """What followed each action in groups of a purpose, or in all where too few cases are of it, the best first.

    Args:
        effects: columns of `schemas.warehouse.intervention_effect`.
        purpose: of the group; None: not known.

    Returns:
        At most `MOST` rows, with `like`: of as many untreated groups as there are cases, how many were alive again.
    """
    is_like = pl.col("purpose").is_in(["", purpose or ""]) & (pl.col("cases") >= LEAST_CASES)
    best = (
        effects.filter(is_like)
        .sort("purpose", descending=True)
        .unique("action", keep="first", maintain_order=True)
        .sort("difference", "action", descending=[True, False])
        .head(MOST)
    )
    like = (pl.col("untreated_share") * pl.col("cases")).round().cast(pl.Int64)
    return best.with_columns(like=like).to_dicts()


def sentence(row: Mapping[str, Any]) -> str:
    """A row of `followed` in words, without a full stop."""
    cases, chance = row["cases"], "" if row["is_effect"] else "; the difference may be chance"
    return (
        f"Groups like this were alive again in {row['alive_again']} of {cases} cases after {AFTER[row['action']]}, "
        f"untreated {row['like']} of {cases}{chance}"
    )
