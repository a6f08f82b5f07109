"""Selection of the score in use: the one that ranked best so far, with a prior from the shipped model."""

from __future__ import annotations

from typing import Final

import numpy as np

from pipelines.groups.risk.box import box
from pipelines.groups.risk.model import probabilities
from pipelines.groups.risk.ranking import areas
from pipelines.groups.risk.scores import BOX, MESSAGES, SCORES, SILENCE, Parts, Score

PRIOR_DEATHS: Final = 100
"""Weight of the prior, in weekly days before a death."""

PRIOR_ODDS: Final = 20
"""Weight of the prior of 1, in deaths predicted and observed."""


def advantages(parts: Parts, dead: np.ndarray) -> dict[Score, float]:
    """Estimate how much better than days of silence each score ranks (difference in area under the ROC curve).

    The advantage on known days is shrunk towards the one in `box.json` with the weight of `PRIOR_DEATHS` weekly days
    before a death; without deaths it is the latter.

    Args:
        parts: of days whose next 28 days are known.
        dead: whether the group was to die within them.
    """
    deaths = int(dead.sum())
    is_ranked = 0 < deaths < len(dead)
    silence = areas(dead, parts.log_odds(Score(SILENCE, 0.0))[:, 0])[0] if is_ranked else 0.0
    found = {}
    for score in SCORES:
        seen = areas(dead, parts.log_odds(score)[:, 0])[0] - silence if is_ranked else 0.0
        found[score] = (deaths * seen + PRIOR_DEATHS * _prior(score)) / (deaths + PRIOR_DEATHS)
    return found


def best(parts: Parts, dead: np.ndarray) -> Score:
    """Return the score that ranks best by `advantages`; ties go to the first in `SCORES`."""
    found = advantages(parts, dead)
    return max(found, key=found.__getitem__)


def odds(log_odds: np.ndarray, dead: np.ndarray) -> float:
    """Return the factor of odds that makes predicted deaths match observed ones (a ratio with a gamma prior at 1).

    Args:
        log_odds: those of a score, rows x horizons, on days whose next 28 days are known.
        dead: whether the group was to die within them.
    """
    expected = float(probabilities(log_odds)[:, 0].sum())
    return (float(dead.sum()) + PRIOR_ODDS) / (expected + PRIOR_ODDS)


def _prior(score: Score) -> float:
    if score.name in (SILENCE, MESSAGES):
        return box().advantages[score.name]
    return box().advantages[f"{BOX} {score.share:.0%}"]
