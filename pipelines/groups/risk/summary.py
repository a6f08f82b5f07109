"""The whole back-test: how models, rules and baselines would have performed on a company's own history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.groups.life import DECLINING, DYING
from pipelines.groups.risk.alert_quality import AlertQuality, crossings, deaths, worth
from pipelines.groups.risk.backtest import BASELINES, Calibration, across_groups, calibration, judged, walking_forward
from pipelines.groups.risk.box import box
from pipelines.groups.risk.features import LEAST_MESSAGES, history
from pipelines.groups.risk.graded import score_in_use
from pipelines.groups.risk.lines import AlertLines, line_for, lines, of_score
from pipelines.groups.risk.model import train
from pipelines.groups.risk.ranking import Grade, grades
from pipelines.groups.risk.scores import Score
from schemas.errors import EmberlineError
from schemas.lake import GROUP_STATES

IN_USE: Final = "score in use"
_RISK: Final = pl.col("risk_28")
_ACROSS: Final[Mapping[str, pl.Expr]] = {"own model": _RISK, **BASELINES}
_FORWARD: Final[Mapping[str, pl.Expr]] = {
    IN_USE: _RISK,
    "own and shipped model": pl.col("own_28"),
    "box": pl.col("box_28"),
    **BASELINES,
}

ALERTS: Final[dict[str, tuple[pl.Expr, float]]] = {
    "14 days of silence": (BASELINES["days of silence"], 14),
    "fewer than 5 messages in 28 days": (BASELINES["messages in 28 days"], -4),
    "messages fell by half": (BASELINES["messages fell by half"], -0.5),
}
"""Alerts compared with the rules: by name, a score and the threshold at which it alerts."""


_WAIT: Final = "Wait, or replay older messages: emberline replay. Until then no group has a risk."


class HistoryTooShort(EmberlineError):
    """No group has a day to test on."""


@dataclass(frozen=True)
class Ranked:
    """Grades of scores that rank days by whether the group died within 28 days."""

    groups: int
    days: int
    first_day: dt.date
    last_day: dt.date
    dead_share: float
    grades: Mapping[str, Grade]


@dataclass(frozen=True)
class Rests:
    """The basis of a risk: the score in use, the shipped model's training data, and the company's data.

    Attributes:
        score: the score in use, with the share of the model in it.
        own_weight: weight of the company's own model if `own` is in use; the shipped model has the rest.
        box_groups, box_deaths: training groups, and weekly days before a death, of the shipped model.
        box_auc, box_average_precision: its grades on training groups that were left out.
        groups, days: number of the company's groups and weekly days.
        judged_days, judged_deaths: weekly days whose next 28 days are known, and of these, days before a death.
    """

    score: Score
    own_weight: float
    box_groups: int
    box_deaths: int
    box_auc: float
    box_average_precision: float
    groups: int
    days: int
    judged_days: int
    judged_deaths: int


@dataclass(frozen=True)
class BackTest:
    """The results of a back-test.

    Grades are None if no group, or every group, died.

    Attributes:
        rests: the basis of the risk.
        across: grades of cross-validation: each group is predicted by a model trained on the other groups.
        forward: grades of walk-forward validation: each quarter is predicted from earlier days only.
        worth: quality of the alerts of each rule, score and baseline, over the days of `forward`.
        calibration: calibration over the days of `forward`.
        lines: quality of alerts at each threshold of the risk, over the days of `forward`.
        line: the threshold in use; None if no line has the wanted precision.
    """

    rests: Rests
    across: Ranked | None
    forward: Ranked | None
    worth: Mapping[str, AlertQuality]
    calibration: Calibration | None
    lines: AlertLines
    line: float | None


def back_test(
    person_day: pl.LazyFrame,
    group_state: pl.LazyFrame,
    through: dt.date | None,
    retrain_days: int,
    target_precision: float,
) -> BackTest:
    """Back-test the risk on every seventh day of each living group: did it die within the next 28 days?

    Args:
        person_day: `schemas.lake.PERSON_DAY`.
        group_state: `schemas.lake.GROUP_STATE`.
        through: last complete day; None: there is none.
        retrain_days: how long a score is used, in days.
        target_precision: the wanted precision of alerts, 0 to 1.

    Raises:
        HistoryTooShort: no group has a day to test on.
    """
    past = history(person_day, through) if through is not None else None
    if past is None or past.is_empty():
        raise HistoryTooShort(
            f"No group has {LEAST_MESSAGES} messages and 28 complete days of history yet.",
            _WAIT,
        )
    own = train(past)
    walked = walking_forward(past, retrain_days, other_groups=True)
    forward, across = walked.rows, across_groups(past)
    in_use = score_in_use(walked, own)
    known = judged(forward)
    died = deaths(person_day, forward)
    found = lines(forward, died)
    alerts = {
        **{f"{state}, by the rules": entered(group_state, state) for state in _STATES},
        **{name: crossings(forward, score, threshold) for name, (score, threshold) in ALERTS.items()},
    }
    return BackTest(
        Rests(
            in_use.score, in_use.own_weight, box().groups, box().deaths, box().auc, box().average_precision,
            past["group_id"].n_unique(), past.height, known.height, int(known["is_dead"].sum()),
        ),
        _ranked(judged(across), _ACROSS),
        _ranked(known, _FORWARD),
        {name: worth(made, forward, died) for name, made in alerts.items()},
        calibration(known) if known.height else None,
        of_score(found, in_use.score.share),
        line_for(target_precision, found, in_use.score.share),
    )  # fmt: skip


_STATES: Final = (GROUP_STATES[DECLINING], GROUP_STATES[DYING])


def entered(group_state: pl.LazyFrame, state: str) -> pl.DataFrame:
    """Find the days on which groups entered a state from a better one: `group_id`, `day`."""
    before = pl.col("state").shift(1).over("group_id", order_by="since")
    came_from_worse = (before == GROUP_STATES[DYING]).fill_null(value=False)
    return group_state.filter((pl.col("state") == state) & ~came_from_worse).select("group_id", day="since").collect()


def _ranked(rows: pl.DataFrame, scores: Mapping[str, pl.Expr]) -> Ranked | None:
    if rows["is_dead"].n_unique() < len((True, False)):
        return None
    first, last, share = rows.select(
        first=pl.col("day").min(), last=pl.col("day").max(), share=pl.col("is_dead").mean()
    ).row(0)
    return Ranked(rows["group_id"].n_unique(), rows.height, first, last, share, grades(rows, scores))
