"""The quality of past alerts at each threshold ("line") of the risk, and the line with the wanted precision."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.groups.risk.alert_quality import EARLY, crossings, worth
from pipelines.groups.risk.box import Line, box
from pipelines.groups.thresholds import LEAVES

LINES: Final = tuple(percent / 1000 for percent in range(100, 801, 25))
"""Candidate thresholds of the risk."""

MOST_WEEKLY: Final = 6.0
"""Most alerts per week and 100 groups that people still read."""

_PLANNED_WEEKLY: Final = 5.5
"""Most past alerts at the line that is picked: a tenth fewer, since alerts after it may be that many more."""

PRIOR_ALERTS: Final = 20
"""Weight of the shipped model's measurements, in alerts of the company."""


@dataclass(frozen=True)
class AlertLines:
    """The quality of alerts at each of `LINES`: in the company, or else on the shipped model's training groups."""

    lines: tuple[Line, ...]
    is_own: bool

    def shown(self, in_use: float | None) -> list[Line]:
        """Return every second line with alerts, and the one in use."""
        kept = {line.risk for line in self.lines[::2]} | {in_use}
        return [line for line in self.lines if line.alerts and line.deaths and line.risk in kept]


def of_score(own: Sequence[Line], model_share: float) -> AlertLines:
    """Return the company's lines or, while it has no alerts, those on the shipped model's training groups."""
    is_own = any(line.alerts for line in own)
    return AlertLines(tuple(own if is_own else elsewhere(model_share)), is_own)


def lines(rows: pl.DataFrame, died: pl.DataFrame) -> list[Line]:
    """Measure the quality of alerts at each of `LINES`.

    Args:
        rows: `group_id`, `day`, `known_days` and `risk_28`, one row per week and group.
        died: the result of `alert_quality.deaths`.
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
    """Return the share of right alerts at a line, shrunk towards `prior` with the weight of `PRIOR_ALERTS` alerts."""
    share = prior.right / prior.alerts if prior.alerts else 0.0
    return (own.right + PRIOR_ALERTS * share) / (own.alerts + PRIOR_ALERTS)


def from_json(text: str) -> list[Line]:
    """Read the lines of a row of `schemas.lake.RISK_MODEL`."""
    return [Line(**line) for line in json.loads(text)]


def markdown(known: Iterable[Line]) -> str:
    """Format lines as a table: precision, recall, early warnings, lead, and alerts per week and 100 groups."""
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
    """Return the lines of a score with this share of the model on the shipped model's training groups."""
    return box().lines[f"{model_share:.0%}"]


def line_for(target: float, own: Iterable[Line], model_share: float) -> float | None:
    """Find the lowest line at which enough alerts are right, half of the foretold deaths early, and alerts few enough.

    Early means 14 days before the death; few means at most 6 alerts per week and 100 groups, planned as 5.5 in the
    past. If no line has so few, the highest line that meets the other conditions is taken: groups of that company die
    more often. A line with fewer than 20 alerts of the company counts with the precision on the training groups.

    Args:
        target: the wanted precision, 0 to 1.
        own: the company's lines, one for each of `LINES`.
        model_share: share of the model in the score in use, 0 to 1.

    Returns:
        The risk from which on an alert is raised; None if no line has enough right and early alerts.
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
