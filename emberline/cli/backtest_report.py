"""Print the back-test on the terminal."""

from __future__ import annotations

from typing import Final

import polars as pl

from emberline.cli.output import print_line, print_table
from pipelines.groups.risk.alert_quality import AHEAD, EARLY, AlertQuality
from pipelines.groups.risk.backtest import BINS, Calibration
from pipelines.groups.risk.box import Line
from pipelines.groups.risk.lines import MOST_WEEKLY
from pipelines.groups.risk.ranking import Interval
from pipelines.groups.risk.scores import BOX, MESSAGES, OWN, SILENCE
from pipelines.groups.risk.summary import BackTest, Ranked, Rests

_WIDTH: Final = 50
_PREDICTED, _OBSERVED, _BOTH = "│", "●", "◉"


def print_backtest(done: BackTest) -> None:
    """Print the score in use, how scores rank, alert quality, and calibration."""
    print_line(rests_in_words(done.rests))
    print_line()
    if done.across is not None:
        _print_ranked("Groups held out from the own model", done.across)
    if done.forward is not None:
        _print_ranked("From earlier days only", done.forward)
    _print_lines(done)
    if any(worth.deaths for worth in done.worth.values()):
        _print_worth(done)
    if done.calibration is not None and done.forward is not None:
        _print_calibration(done.calibration)


def rests_in_words(rests: Rests) -> str:
    """Return what the risk is based on, in a few sentences."""
    speaks = {
        SILENCE: "The score is days of silence",
        MESSAGES: "The score is messages in 28 days",
        BOX: f"The score is the shipped model by {rests.score.share:.0%}, days of silence by the rest",
        OWN: f"The score is your own model ({rests.own_weight:.0%}, the shipped one {1 - rests.own_weight:.0%}) by "
        f"{rests.score.share:.0%}, days of silence by the rest",
    }[rests.score.name]
    return (
        f"{speaks}. The shipped model was trained on {rests.box_groups} groups of a public community with "
        f"{rests.box_deaths} weekly days before a death; groups left out it ranks with AUC {rests.box_auc:.3f} and "
        f"average precision {rests.box_average_precision:.3f}. Of your own there are {rests.groups} groups and "
        f"{rests.days:,} weekly days; of {rests.judged_days:,} of these the outcome is known, and "
        f"{rests.judged_deaths:,} were before a death."
    )


def _print_ranked(title: str, ranked: Ranked) -> None:
    rows = [
        (name, f"{g.auc:.3f}", _interval(g.auc_interval), f"{g.precision:.3f}", _interval(g.precision_interval))
        for name, g in ranked.grades.items()
    ]
    headings = ("Score", "AUC", "95 %", "Average precision", "95 % ")
    frame = pl.DataFrame(rows, schema=list(headings), orient="row")
    print_table(f"{title}: is anybody there in the next 28 days?", frame, headings, right=headings[1:])
    print_line(
        f"{ranked.days:,} days of {ranked.groups} groups from {ranked.first_day} to {ranked.last_day}, a week apart; "
        f"after {_percent(ranked.dead_share)} of them nobody was. 95 %: over groups.",
    )
    print_line()


def _print_lines(done: BackTest) -> None:
    rows = [_line_cells(line, is_used=line.risk == done.line) for line in done.lines.shown(done.line)]
    headings = ("Risk from", "Alerts", "Precision", "Recall", f"{EARLY} days before", "Lead, days", "Weekly", "In use")
    frame = pl.DataFrame(rows, schema=list(headings), orient="row")
    where = (
        "from the past alone" if done.lines.is_own else "of the shipped model, on its training groups, each left out"
    )
    print_table(f"Alerts by the risk, {where}", frame, headings, right=headings[1:7])
    print_line(
        "No threshold of the risk reaches the precision alerts.target_precision: it raises no alerts."
        if done.line is None
        else f"An alert is raised from a risk of {_percent(done.line)} on: the lowest line with the precision of "
        f"alerts.target_precision, half of the foretold deaths {EARLY} days ahead and at most {MOST_WEEKLY:.0f} alerts "
        "a week and 100 groups, or the fewest there can be."
    )
    print_line()


def _line_cells(line: Line, *, is_used: bool) -> tuple[str, ...]:
    shares = (line.right / line.alerts, *(part / max(line.deaths, 1) for part in (line.foretold, line.early)))
    lead = "" if line.lead_days is None else f"{line.lead_days:.0f}"
    return (
        _percent(line.risk), f"{line.alerts:,.0f}", *map(_percent, shares), lead, f"{line.weekly:.1f}",
        "◀" if is_used else "",
    )  # fmt: skip


def _print_worth(done: BackTest) -> None:
    headings = ("Alert", "Alerts", "Precision", "Recall", f"{EARLY} days before", "Lead, days", "Weekly")
    rows = [_cells(name, worth) for name, worth in done.worth.items()]
    frame = pl.DataFrame(rows, schema=list(headings), orient="row")
    print_table("Alerts, from earlier days only", frame, headings, right=headings[1:])
    deaths = max(worth.deaths for worth in done.worth.values())
    print_line(
        f"Precision: alerts with a death within {AHEAD} days. Recall: of {deaths} deaths those with an alert in the "
        f"{AHEAD} days before; {EARLY} days before: one as early as that. Lead: median. Weekly: alerts a week and 100 "
        "groups.",
    )
    print_line()


def _cells(name: str, worth: AlertQuality) -> tuple[str, ...]:
    lead = "" if worth.lead_days is None else f"{worth.lead_days:.0f}"
    shares = (worth.precision, worth.recall, worth.early)
    return (name, f"{worth.alerts:,}", *map(_percent, shares), lead, f"{worth.weekly:.1f}")


def _print_calibration(calibrated: Calibration) -> None:
    headings = ("Predicted", "Days", "Mean", "Observed", f"0 % {'─' * (_WIDTH - 12)} 100 %")
    rows = [
        (_tenth(one.risk), f"{one.days:,}", _percent(one.risk), _percent(one.dead), _track(one.risk, one.dead))
        for one in calibrated.bins
    ]
    frame = pl.DataFrame(rows, schema=list(headings), orient="row")
    print_table("Calibration, from earlier days only", frame, headings, right=headings[:4])
    print_line(
        f"{_PREDICTED} predicted, {_OBSERVED} observed, {_BOTH} both. "
        f"Expected calibration error {calibrated.error:.3f}, Brier score {calibrated.brier:.3f}.",
    )


def _tenth(risk: float) -> str:
    low = min(int(risk * BINS), BINS - 1) * 100 // BINS
    return f"{low} to {low + 100 // BINS} %"


def _track(predicted: float, observed: float) -> str:
    at_predicted, at_observed = (min(int(share * _WIDTH), _WIDTH - 1) for share in (predicted, observed))
    track = [" "] * _WIDTH
    track[at_predicted] = _PREDICTED
    track[at_observed] = _BOTH if at_predicted == at_observed else _OBSERVED
    return "".join(track).rstrip()


def _interval(interval: Interval) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
