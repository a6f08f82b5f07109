"""The model in the box: learnt from a public community, for companies whose own history is short.

`box.json` has numbers alone: coefficients, scaling, centres of clusters, grades. `python -m benchmarks.box` learns it
again and gives the same bytes (docs/decisions/0064-a-model-in-the-box.md).
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
    """What alerts at one line of the risk had been worth, with the counts behind the shares.

    Attributes:
        risk: an alert is raised where the risk reaches it.
        alerts: with a known outcome.
        right: of these, alerts with a death within 56 days.
        deaths, foretold, early: deaths, those with an alert in the 56 days before, those with one 14 days before.
        lead_days: median over foretold deaths; None without any.
        weekly: alerts a week and 100 groups.
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
    """What was learnt elsewhere.

    Attributes:
        version: fingerprint of the rest.
        source: what it was learnt from, and under which licence that was published.
        model: of the risk.
        silence, messages: intercept and slope by horizon of log odds over log(1 + n) of these counts.
        mean_messages: mean of log(1 + messages in 28 days).
        groups, days, deaths: how many groups, measured days and weekly days before a death it was learnt from.
        auc, average_precision: of the box on groups that were left out one by one.
        advantages: by score and share in percent (`box 25`), how much better than days of silence it ranks (area under
            the ROC curve) before anything is known of a company.
        lines: by share of the model in percent, what alerts had been worth on groups left out.
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
    """Read the packaged box."""
    return parse((files("pipelines.groups.risk") / "box.json").read_text(encoding="utf-8"))


def parse(text: str) -> Box:
    """Read a box from its JSON."""
    known: dict[str, Any] = json.loads(text)
    model = RiskModel(**known.pop("model"))
    lines = {share: [Line(**line) for line in table] for share, table in known.pop("lines").items()}
    version = hashlib.sha256(text.encode()).hexdigest()[:_ABBREVIATED]
    return Box(version=version, model=model, lines=lines, **known)
