"""What alerts had been worth at each line of the risk, and the line that gives the precision somebody wants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.groups.risk.box import Line, box
from pipelines.groups.risk.worth import EARLY, crossings, worth
from pipelines.groups.thresholds import LEAVES

LINES: Final = tuple(percent / 1000 for percent in range(100, 801, 25))
"""Risks at which an alert could be raised."""

MOST_WEEKLY: Final = 6.0
"""Alerts a week and 100 groups beyond which nobody reads them."""

_PLANNED_WEEKLY: Final = 5.5
"""Those of the past for which a line is picked: later ones may be a tenth more, since it was picked on the past."""

PRIOR_ALERTS: Final = 20
"""Alerts for which what was measured elsewhere counts."""


@dataclass(frozen=True)
class AlertLines:
    """What alerts had been worth at each of `LINES`: in the company, or else on the groups the box was learnt from."""

    lines: tuple[Line, ...]
    is_own: bool

    def shown(self, in_use: float | None) -> list[Line]:
        """Every second line with alerts, and the one in use."""
        kept = {line.risk for line in self.lines[::2]} | {in_use}
        return [line for line in self.lines if line.alerts and line.deaths and line.risk in kept]


def of_score(own: Sequence[Line], model_share: float) -> AlertLines:
    """What is known of alerts by a score: in the company, or, while it had none, what such a score gave elsewhere."""
    is_own = any(line.alerts for line in own)
    return AlertLines(tuple(own if is_own else elsewhere(model_share)), is_own)


def lines(rows: pl.DataFrame, died: pl.DataFrame) -> list[Line]:
    """Measure what alerts at each of `LINES` had been worth.

    Args:
        rows: `group_id`, `day`, `known_days` and `risk_28`, a row a week and group.
        died: of `worth.deaths`.
    """
    found = []
    for risk in LINES:
        known = worth(crossings(rows, pl.col("risk_28"), risk, LEAVES * risk), rows, died)
        counts = {
            "right": (known.precision or 0) * known.known,
            "foretold": (known.recall or 0) * known.deaths,
            "early": (known.early or 0) * known.deaths,
        }
        found.append(
            Line(
                risk,
                alerts=known.known,
                deaths=known.deaths,
                lead_days=known.lead_days,
                weekly=known.weekly,
                **{name: float(round(count)) for name, count in counts.items()},
            )
        )
    return found


def precision(own: Line, prior: Line) -> float:
    """The share of right alerts at a line, drawn to what it was elsewhere as if by `PRIOR_ALERTS` alerts."""
    share = prior.right / prior.alerts if prior.alerts else 0.0
    return (own.right + PRIOR_ALERTS * share) / (own.alerts + PRIOR_ALERTS)


def from_json(text: str) -> list[Line]:
    """Read the lines of a row of `schemas.lake.RISK_MODEL`."""
    return [Line(**line) for line in json.loads(text)]


def markdown(known: Iterable[Line]) -> str:
    """Lay lines out as a table: precision, recall, early warnings, lead and alerts a week and 100 groups."""
    rows = [
        (
            f"{line.risk:.1%}", f"{line.alerts:,.0f}", f"{line.right / line.alerts:.0%}",
            f"{line.foretold / line.deaths:.0%}", f"{line.early / line.deaths:.0%}", f"{line.lead_days or 0:.0f}",
            f"{line.weekly:.1f}",
        )
        for line in known
        if line.alerts and line.deaths
    ]  # fmt: skip
    headings = ("Risk from", "Alerts", "Precision", "Recall", f"{EARLY} days before", "Lead, days", "Weekly")
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ["---:"] * len(headings), *rows))


def elsewhere(model_share: float) -> list[Line]:
    """What alerts by a score with such a share of the model had been worth on the groups the box was learnt from."""
    return box().lines[f"{model_share:.0%}"]


def line_for(target: float, own: Iterable[Line], model_share: float) -> float | None:
    """Find the lowest risk at which enough alerts are right, half of the foretold deaths early, and alerts few enough.

    Early is 14 days before the death, few is at most 6 alerts a week and 100 groups, planned as 5.5 of the past. Where
    no line has so few, it is the highest that has the rest: groups of that company die more often. A company with fewer
    than 20 alerts at a line goes by what its score gave elsewhere.

    Args:
        target: the share of alerts that are to be right.
        own: what alerts had been worth in the company, at each of `LINES`.
        model_share: of the model, in the score that speaks.

    Returns:
        The risk from which on an alert is raised; None where no line is right and early enough.
    """
    highest = None
    for line, prior in zip(own, elsewhere(model_share), strict=True):
        known = line if line.alerts >= PRIOR_ALERTS else prior
        is_early = known.lead_days is not None and known.lead_days >= EARLY
        if known.alerts >= PRIOR_ALERTS and precision(line, prior) >= target and is_early:
            if known.weekly <= _PLANNED_WEEKLY:
                return line.risk
            highest = line.risk
    return highest
