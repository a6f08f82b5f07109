"""Scores of the risk of death: counts, the shipped model (`box`), the company's own model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from pipelines.groups.risk.box import Box, box
from pipelines.groups.risk.measured import FEATURES
from pipelines.groups.risk.model import HORIZONS, RiskModel, encode, probabilities

SILENCE, MESSAGES, BOX, OWN = "silence", "messages", "box", "own"

MESSAGES_28D: Final = "messages_28d"
INPUTS: Final = (*FEATURES, MESSAGES_28D)
"""The columns of `inputs`."""

OWN_COUNTS_HALF: Final = 200
"""Weekly days before a death at which a company's own model has the same weight as the shipped one."""

_SILENT: Final = INPUTS.index("since_active_day_1")
_SAID: Final = INPUTS.index(MESSAGES_28D)


class Score(NamedTuple):
    """A score: its `name`, and the share of the model in it; the rest is days of silence.

    `silence` and `messages` are counts, `box` is the shipped model, `own` the company's own model blended with it.
    """

    name: str
    share: float


SHARES: Final = (0.15, 0.4, 0.6, 0.8, 1.0)
SCORES: Final = (
    Score(SILENCE, 0.0), Score(MESSAGES, 0.0), *(Score(name, share) for name in (BOX, OWN) for share in SHARES),
)  # fmt: skip


def inputs(measured: pl.DataFrame) -> np.ndarray:
    """Encode measured days for `RiskModel`, with messages in 28 days on the same scale: rows x `INPUTS`."""
    return np.column_stack([encode(measured), np.log1p(measured[MESSAGES_28D].to_numpy())])


def own_weight(deaths: int) -> float:
    """Return the weight, 0 to 1, of the company's own model in the blend; the shipped model has the rest.

    It is one half at `OWN_COUNTS_HALF` deaths.

    Args:
        deaths: Weekly days of the training data that were followed by a death of the group.
    """
    return deaths / (deaths + OWN_COUNTS_HALF)


@dataclass(frozen=True)
class Parts:
    """Log odds of measured days, rows x horizons each; `own` is the shipped model's if the company has none."""

    silence: np.ndarray
    messages: np.ndarray
    box: np.ndarray
    own: np.ndarray

    @classmethod
    def of(
        cls,
        encoded: np.ndarray,
        box: Box,
        own: RiskModel | None = None,
        weight: float = 0.0,
        of_box: np.ndarray | None = None,
    ) -> Parts:
        """Compute log odds of `inputs`; `of_box` are those of the shipped model if known already."""
        if of_box is None:
            of_box = box.model.log_odds(encoded[:, : len(FEATURES)])
        blended = of_box
        if own is not None:
            blended = weight * own.log_odds(encoded[:, : len(FEATURES)]) + (1 - weight) * of_box
        counts = (_curve(box.silence, encoded[:, _SILENT]), _curve(box.messages, encoded[:, _SAID]))
        return cls(*counts, of_box, blended)

    def at(self, rows: np.ndarray) -> Parts:
        """Return the log odds of some rows."""
        return Parts(self.silence[rows], self.messages[rows], self.box[rows], self.own[rows])

    def log_odds(self, score: Score) -> np.ndarray:
        """Return the log odds of a score: rows x horizons."""
        if score.name == MESSAGES:
            return self.messages
        model = self.own if score.name == OWN else self.box
        return score.share * model + (1 - score.share) * self.silence


def _curve(curves: list[list[float]], value: np.ndarray) -> np.ndarray:
    intercept, slope = np.array(curves).T
    return intercept + value[:, None] * slope


@dataclass(frozen=True)
class ScoreInUse:
    """The score in use, with its parameters besides the shipped model.

    Attributes:
        score: name and share.
        odds: factor of all odds: the company's deaths over those predicted by the score, shrunk towards 1.
        own: the company's own model, if there is one.
        own_weight: its weight in the blend.
        box: version of the shipped model.
    """

    score: Score
    odds: float = 1.0
    own: RiskModel | None = None
    own_weight: float = 0.0
    box: str = field(default_factory=lambda: box().version)

    def risks(self, encoded: np.ndarray) -> np.ndarray:
        """Return probabilities of being dead within each of `HORIZONS` days: rows of `inputs` x horizons."""
        parts = Parts.of(encoded, box(), self.own, self.own_weight)
        return probabilities(parts.log_odds(self.score) + np.log(self.odds))

    @property
    def mean(self) -> np.ndarray:
        """The mean of `INPUTS` over the training days of the model."""
        known = box()
        return np.array([*(known.model if self.own is None else self.own).mean, known.mean_messages])

    def to_json(self) -> str:
        """Convert the parameters to JSON; equal parameters give the same text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ScoreInUse:
        """Read what `to_json` wrote."""
        known: dict[str, Any] = json.loads(text)
        own = known["own"]
        return cls(Score(*known["score"]), known["odds"], own and RiskModel(**own), known["own_weight"], known["box"])


def is_current(text: str) -> bool:
    """Whether the JSON of a score is of the present shipped model and features."""
    known: dict[str, Any] = json.loads(text)
    # Versions without a shipped model wrote the own model only.
    return known.get("box") == box().version and (known["own"] is None or known["own"]["features"] == list(FEATURES))


def risk_columns(risks: np.ndarray) -> list[pl.Series]:
    """Make the columns `risk_28` and `risk_56` of probabilities, rows x horizons."""
    return [pl.Series(f"risk_{days}", risks[:, at], pl.Float64) for at, days in enumerate(HORIZONS)]


def score_in_words() -> pl.Expr:
    """Name the score of a risk in words; reads `score` and `model_share`."""
    score = pl.col("score")
    share = (100 * pl.col("model_share")).round(0).cast(pl.Int64)
    return (
        pl.when(score == SILENCE)
        .then(pl.lit("by days of silence"))
        .when(score == MESSAGES)
        .then(pl.lit("by messages in 28 days"))
        .when(score == BOX)
        .then(pl.format("{} % by the shipped model, the rest by days of silence", share))
        .when(score == OWN)
        .then(pl.format("{} % by the own model, the rest by days of silence", share))
    )
