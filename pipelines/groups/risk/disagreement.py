"""Why a group's state and its risk say different things, where they do."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.disagreement import MEMBERS_PRESENT, NOTHING_FELL
from schemas.lake import GROUP_STATES

LOW: Final = 0.1
"""A risk below it says something else than a state that is ill."""

HIGH: Final = 0.3
"""A risk from it on says something else than a state that is well."""

_, _ALIVE, _DECLINING, _DYING, _, _REVIVED, _ = GROUP_STATES


def disagreement() -> pl.Expr:
    """Say why state and risk differ, one of `schemas.disagreement.DISAGREEMENTS`; null where they agree.

    Reads `state` and `risk_28` of the same day.
    """
    state, risk = pl.col("state"), pl.col("risk_28")
    return (
        pl.when(state.is_in([_DECLINING, _DYING]) & (risk < LOW))
        .then(pl.lit(MEMBERS_PRESENT))
        .when(state.is_in([_ALIVE, _REVIVED]) & (risk >= HIGH))
        .then(pl.lit(NOTHING_FELL))
    )
