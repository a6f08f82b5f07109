"""The score in use, with its grades and the quality of alerts by it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import polars as pl

from pipelines.groups.risk.alert_quality import deaths
from pipelines.groups.risk.backtest import BASELINES, Forward, calibration, judged, walking_forward
from pipelines.groups.risk.lines import lines
from pipelines.groups.risk.model import HORIZONS, LEAST_DEATHS, RiskModel, some_groups, train, was_dead
from pipelines.groups.risk.ranking import grades
from pipelines.groups.risk.scores import ScoreInUse, own_weight
from pipelines.groups.risk.selection import best, odds
from schemas.lake import RISK_MODEL

MOST_ERROR: Final = 0.05
"""Expected calibration error above which the risk may not alert."""

_IN_USE: Final = "speaks"
_ABBREVIATED: Final = 16
_COLUMNS: Final = {"days of silence": "silence", "messages in 28 days": "messages", "box": "box"}


def graded_model(person_day: pl.LazyFrame, history: pl.DataFrame, through: dt.date, retrain_days: int) -> pl.DataFrame:
    """Train the company's own model if there is enough data, and choose the score in use.

    Each candidate score is graded on days after its training; the one that ranked groups best is chosen.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        history: the result of `features.history`.
        through: its last complete day.
        retrain_days: how long a score is used, in days.

    Returns:
        `schemas.lake.RISK_MODEL`, one row.
    """
    own = train(history)
    # The cost of a grade grows with the number of groups; more groups hardly change it.
    forward = walking_forward(some_groups(history), retrain_days, other_groups=False)
    in_use = score_in_use(forward, own)
    parameters = in_use.to_json()
    version = hashlib.sha256(f"{through} {parameters}".encode()).hexdigest()[:_ABBREVIATED]
    row = {
        "version": version,
        "trained_through": through,
        "groups": history["group_id"].n_unique(),
        "days": history.height,
        "score": in_use.score.name,
        "model_share": in_use.score.share,
        **_graded(judged(forward.rows)),
        "lines": json.dumps([asdict(line) for line in lines(forward.rows, deaths(person_day, forward.rows))]),
        "parameters": parameters,
    }
    return pl.DataFrame([row], schema=RISK_MODEL.schema)


def score_in_use(forward: Forward, own: RiskModel | None) -> ScoreInUse:
    """Return the score that ranked best so far, with the newest own model."""
    known = np.flatnonzero((forward.rows["known_days"] >= HORIZONS[0]).to_numpy())
    parts, dead = forward.parts.at(known), was_dead(forward.rows, HORIZONS[0])[known]
    score = best(parts, dead)
    weight = 0.0 if own is None else own_weight(own.deaths)
    return ScoreInUse(score, odds(parts.log_odds(score), dead), own, weight)


def _graded(rows: pl.DataFrame) -> dict[str, Any]:
    deaths = int(rows["is_dead"].sum())
    found: dict[str, Any] = {"judged_days": rows.height, "judged_deaths": deaths, "may_alert": True}
    if not 0 < deaths < rows.height:
        return found
    simple = {"box": pl.col("box_28"), **BASELINES}
    grade = grades(rows, {_IN_USE: pl.col("risk_28"), **{name: simple[name] for name in _COLUMNS}}, draws=0)
    error = calibration(rows).error
    return {
        **found,
        "auc": grade[_IN_USE].auc,
        "average_precision": grade[_IN_USE].precision,
        **{f"auc_{short}": grade[name].auc for name, short in _COLUMNS.items()},
        **{f"average_precision_{short}": grade[name].precision for name, short in _COLUMNS.items()},
        "calibration_error": error,
        "may_alert": deaths < LEAST_DEATHS or error <= MOST_ERROR,
    }
