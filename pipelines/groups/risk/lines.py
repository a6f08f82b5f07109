"""What alerts had been worth at each line of the risk, and the line that gives the precision somebody wants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from pipelines.groups.risk.box import Line
from pipelines.groups.risk.worth import EARLY, crossings, worth

LINES: Final = tuple(percent / 1000 for percent in range(100, 801, 25))
"""Risks at which an alert could be raised."""

MOST_WEEKLY: Final = 6.0
"""Alerts a week and 100 groups beyond which nobody reads them."""

PRIOR_ALERTS: Final = 20
"""Alerts for which what was measured elsewhere counts."""


def lines(rows: pl.DataFrame, died: pl.DataFrame) -> list[Line]:
    """Measure what alerts at each of `LINES` had been worth.

    Args:
        rows: `group_id`, `day`, `known_days` and `risk_28`, a row a week and group.
        died: of `worth.deaths`.
    """
    found = []
    for risk in LINES:
        known = worth(crossings(rows, pl.col("risk_28"), risk), rows, died)
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


def precision(own: Line, elsewhere: Line) -> float:
    """The share of right alerts at a line, drawn to what it was elsewhere as if by `PRIOR_ALERTS` alerts."""
    prior = elsewhere.right / elsewhere.alerts if elsewhere.alerts else 0.0
    return (own.right + PRIOR_ALERTS * prior) / (own.alerts + PRIOR_ALERTS)


def line_for(target: float, own: Iterable[Line], elsewhere: Iterable[Line]) -> Line | None:
    """The lowest line at which enough alerts are right, half of the foretold deaths early, and alerts few enough.

    Args:
        target: the share of alerts that are to be right.
        own: of the company.
        elsewhere: of the same score, elsewhere; the same risks in the same order.

    Returns:
        The line of the company; None where no line gives that.
    """
    for line, prior in zip(own, elsewhere, strict=True):
        known = line if line.alerts >= PRIOR_ALERTS else prior
        is_early = known.lead_days is not None and known.lead_days >= EARLY
        if precision(line, prior) >= target and is_early and known.weekly <= MOST_WEEKLY:
            return line
    return None
