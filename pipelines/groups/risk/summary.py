"""The back-test as a whole: how the model, the rules and the baselines would have done on a company's own history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.groups.life import DECLINING, DYING
from pipelines.groups.risk.backtest import BASELINES, Calibration, across_groups, calibration, judged, walking_forward
from pipelines.groups.risk.features import LEAST_MESSAGES, history
from pipelines.groups.risk.model import LEAST_DEATHS, LEAST_GROUPS
from pipelines.groups.risk.ranking import Grade, grades
from pipelines.groups.risk.worth import Worth, crossings, deaths, worth
from schemas.errors import EmberlineError
from schemas.lake import GROUP_STATES

MODEL: Final = "model"
_RISK: Final = pl.col("risk_28")
_SCORES: Final[Mapping[str, pl.Expr]] = {MODEL: _RISK, **BASELINES}

ALERTS: Final[dict[str, tuple[pl.Expr, float]]] = {
    "model: risk 20 % or more": (_RISK, 0.2),
    "model: risk 40 % or more": (_RISK, 0.4),
    "14 days of silence": (BASELINES["days of silence"], 14),
    "fewer than 5 messages in 28 days": (BASELINES["messages in 28 days"], -4),
    "messages fell by half": (BASELINES["messages fell by half"], -0.5),
}
"""What is compared with the rules: an alert is made where the score reaches the threshold."""


_WAIT: Final = "Wait, or replay older messages: emberline replay. Until then the rules of group_state judge the groups."


class HistoryTooShort(EmberlineError):
    """There is too little of a history to learn from, or to judge what was learnt."""


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
class BackTest:
    """What is known of the risk before anybody relies on it.

    Attributes:
        across: each group told of by a model of the others, of all times.
        forward: each quarter told of by a model of other groups' time before it.
        worth: of the alerts of each rule, model and baseline, over the days of `forward`.
        calibration: of `forward`.
    """

    across: Ranked
    forward: Ranked
    worth: Mapping[str, Worth]
    calibration: Calibration


def back_test(
    person_day: pl.LazyFrame, group_state: pl.LazyFrame, through: dt.date | None, retrain_days: int
) -> BackTest:
    """Ask of every seventh day of each living group: is there no member activity in the next 28 days?

    Args:
        person_day: `schemas.lake.PERSON_DAY`.
        group_state: `schemas.lake.GROUP_STATE`.
        through: last complete day; None: there is none.
        retrain_days: how long a model is used.

    Raises:
        HistoryTooShort: there is nothing to learn from, or nothing to judge it on.
    """
    past = history(person_day, through) if through is not None else None
    if past is None or past.is_empty():
        raise HistoryTooShort(
            f"No group has {LEAST_MESSAGES} messages and 28 complete days of history yet.",
            _WAIT,
        )
    across, forward = across_groups(past), walking_forward(past, retrain_days, other_groups=True)
    if not _is_judged(across) or not _is_judged(forward):
        raise HistoryTooShort(
            f"{past['group_id'].n_unique()} groups from {past['day'].min()} to {past['day'].max()} are too few or too "
            f"short to learn from: it takes {LEAST_GROUPS} groups, {LEAST_DEATHS} weeks before a death, and some time "
            "after them.",
            _WAIT,
        )
    died = deaths(person_day, forward)
    alerts = {
        **{f"{state}, by the rules": entered(group_state, state) for state in _STATES},
        **{name: crossings(forward, score, threshold) for name, (score, threshold) in ALERTS.items()},
    }
    return BackTest(
        _ranked(judged(across)),
        _ranked(judged(forward)),
        {name: worth(made, forward, died) for name, made in alerts.items()},
        calibration(judged(forward)),
    )


_STATES: Final = (GROUP_STATES[DECLINING], GROUP_STATES[DYING])


def entered(group_state: pl.LazyFrame, state: str) -> pl.DataFrame:
    """The days on which groups got into a state and came from a better one: `group_id`, `day`."""
    before = pl.col("state").shift(1).over("group_id", order_by="since")
    came_from_worse = (before == GROUP_STATES[DYING]).fill_null(value=False)
    return group_state.filter((pl.col("state") == state) & ~came_from_worse).select("group_id", day="since").collect()


def _is_judged(told: pl.DataFrame) -> bool:
    return judged(told)["is_dead"].n_unique() == len((True, False))


def _ranked(rows: pl.DataFrame) -> Ranked:
    first, last, share = rows.select(
        first=pl.col("day").min(), last=pl.col("day").max(), share=pl.col("is_dead").mean()
    ).row(0)
    return Ranked(rows["group_id"].n_unique(), rows.height, first, last, share, grades(rows, _SCORES))
