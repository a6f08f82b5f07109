"""The shipped model (`box`): trained on a public community, for companies whose own history is short.

`box.json` contains numbers only: coefficients, scaling, centres of clusters, grades. `python -m benchmarks.box` trains
it again and writes the same bytes (docs/decisions/0064-a-model-in-the-box.md).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pipelines.groups.risk.model import RiskModel

_ABBREVIATED = 16


@dataclass(frozen=True)
class Line:
    """The quality of past alerts at one threshold of the risk, as counts.

    Attributes:
        risk: the threshold: an alert is raised when the risk reaches it.
        alerts: alerts with a known outcome.
        right: of these, alerts with a death within 56 days.
        deaths, foretold, early: deaths; those with an alert in the 56 days before; those with one 14 days before.
        lead_days: median lead over foretold deaths; None without any.
        weekly: alerts per week and 100 groups.
    """

    risk: float
    alerts: float
    right: float
    deaths: float
    foretold: float
    early: float
    lead_days: float | None
    weekly: float


@dataclass(frozen=True)
class Box:
    """The shipped model, and what was measured on its training groups.

    Attributes:
        version: fingerprint of the other attributes.
        source: the training data, with its licence.
        model: the model of the risk.
        silence, messages: by horizon, intercept and slope of log odds over log(1 + n) of these counts.
        mean_messages: mean of log(1 + messages in 28 days).
        groups, days, deaths: number of training groups, of measured days, and of weekly days before a death.
        auc, average_precision: grades of the model on groups left out one by one.
        advantages: by score and share in percent (`box 25%`), the prior of how much better it ranks than days of
            silence (difference in area under the ROC curve).
        lines: by share of the model in percent, the quality of alerts on groups left out.
    """

    version: str
    source: dict[str, str]
    model: RiskModel
    silence: list[list[float]]
    messages: list[list[float]]
    mean_messages: float
    groups: int
    days: int
    deaths: int
    auc: float
    average_precision: float
    advantages: dict[str, float]
    lines: dict[str, list[Line]]


@cache
def box() -> Box:
    """Read the shipped model."""
    return parse((files("pipelines.groups.risk") / "box.json").read_text(encoding="utf-8"))


def parse(text: str) -> Box:
    """Read a shipped model from its JSON."""
    known: dict[str, Any] = json.loads(text)
    model = RiskModel(**known.pop("model"))
    lines = {share: [Line(**line) for line in table] for share, table in known.pop("lines").items()}
    version = hashlib.sha256(text.encode()).hexdigest()[:_ABBREVIATED]
    return Box(version=version, model=model, lines=lines, **known)
