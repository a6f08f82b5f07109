"""The back-test as a whole: how the model, the rules and the baselines would have done on a company's own history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.groups.life import DECLINING, DYING
from pipelines.groups.risk.backtest import BASELINES, Calibration, across_groups, calibration, judged, walking_forward
from pipelines.groups.risk.box import box
from pipelines.groups.risk.features import LEAST_MESSAGES, history
from pipelines.groups.risk.graded import speaker_of
from pipelines.groups.risk.lines import AlertLines, line_for, lines, of_score
from pipelines.groups.risk.model import train
from pipelines.groups.risk.ranking import Grade, grades
from pipelines.groups.risk.scores import Score
from pipelines.groups.risk.worth import Worth, crossings, deaths, worth
from schemas.errors import EmberlineError
from schemas.lake import GROUP_STATES

SPEAKS: Final = "what speaks"
_RISK: Final = pl.col("risk_28")
_ACROSS: Final[Mapping[str, pl.Expr]] = {"own model": _RISK, **BASELINES}
_FORWARD: Final[Mapping[str, pl.Expr]] = {
    SPEAKS: _RISK,
    "own model and box": pl.col("own_28"),
    "box": pl.col("box_28"),
    **BASELINES,
}

ALERTS: Final[dict[str, tuple[pl.Expr, float]]] = {
    "14 days of silence": (BASELINES["days of silence"], 14),
    "fewer than 5 messages in 28 days": (BASELINES["messages in 28 days"], -4),
    "messages fell by half": (BASELINES["messages fell by half"], -0.5),
}
"""What is compared with the rules: an alert is made where the score reaches the threshold."""


_WAIT: Final = "Wait, or replay older messages: emberline replay. Until then nothing is known of any group's risk."


class HistoryTooShort(EmberlineError):
    """There is no day of a group to test anything on."""


@dataclass(frozen=True)
class Ranked:
    """How scores rank the days of groups by whether they die within 28 days."""

    groups: int
    days: int
    first_day: dt.date
    last_day: dt.date
    dead_share: float
    grades: Mapping[str, Grade]


@dataclass(frozen=True)
class Rests:
    """What a risk rests on: the score that speaks now, what the box was learnt from, and what there is of the company.

    Attributes:
        score: that speaks, with the share of the model in it.
        own_weight: of the company's own model where `own` speaks; the box has the rest.
        box_groups, box_deaths: groups and weekly days before a death that the box was learnt from.
        box_auc, box_average_precision: its grades on groups of those that were left out.
        groups, days: of the company.
        judged_days, judged_deaths: weekly days whose next 28 days are known, and those before a death.
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
    """What is known of the risk before anybody relies on it.

    What cannot be graded is None: nobody died yet, or nobody is known to have lived on.

    Attributes:
        rests: on what the risk rests.
        across: each group told of by an own model of the others, of all times.
        forward: each quarter told of by what was known before it, the own model of other groups.
        worth: of the alerts of each rule, score and baseline, over the days of `forward`.
        calibration: of `forward`.
        lines: what alerts at each line of the risk had been worth, over the days of `forward`.
        line: at which alerts are raised now; None where no line gives the precision that is wanted.
    """

    rests: Rests
    across: Ranked | None
    forward: Ranked | None
    worth: Mapping[str, Worth]
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
    """Ask of every seventh day of each living group: is there no member activity in the next 28 days?

    Args:
        person_day: `schemas.lake.PERSON_DAY`.
        group_state: `schemas.lake.GROUP_STATE`.
        through: last complete day; None: there is none.
        retrain_days: how long a score is used.
        target_precision: the share of alerts that are to be right.

    Raises:
        HistoryTooShort: no group has a day to ask about.
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
    speaker = speaker_of(walked, own)
    known = judged(forward)
    died = deaths(person_day, forward)
    found = lines(forward, died)
    alerts = {
        **{f"{state}, by the rules": entered(group_state, state) for state in _STATES},
        **{name: crossings(forward, score, threshold) for name, (score, threshold) in ALERTS.items()},
    }
    return BackTest(
        Rests(
            speaker.score, speaker.own_weight, box().groups, box().deaths, box().auc, box().average_precision,
            past["group_id"].n_unique(), past.height, known.height, int(known["is_dead"].sum()),
        ),
        _ranked(judged(across), _ACROSS),
        _ranked(known, _FORWARD),
        {name: worth(made, forward, died) for name, made in alerts.items()},
        calibration(known) if known.height else None,
        of_score(found, speaker.score.share),
        line_for(target_precision, found, speaker.score.share),
    )  # fmt: skip


_STATES: Final = (GROUP_STATES[DECLINING], GROUP_STATES[DYING])


def entered(group_state: pl.LazyFrame, state: str) -> pl.DataFrame:
    """The days on which groups got into a state and came from a better one: `group_id`, `day`."""
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
