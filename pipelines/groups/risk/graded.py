"""A model with its grades: only one that would have done better than simple counts may alert."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Final

import polars as pl

from pipelines.groups.risk.backtest import BASELINES, calibration, judged, walking_forward
from pipelines.groups.risk.model import LEAST_DEATHS, train
from pipelines.groups.risk.ranking import grades
from schemas.lake import RISK_MODEL

MOST_ERROR: Final = 0.05
"""Expected calibration error above which a risk is no probability that anybody should act on."""

_MODEL: Final = "model"
_ABBREVIATED: Final = 16
_COLUMNS: Final = {"days of silence": "silence", "messages in 28 days": "messages"}


def graded_model(history: pl.DataFrame, through: dt.date, retrain_days: int) -> pl.DataFrame:
    """Train a model, and grade models trained in the same way on what they would have told of the time after them.

    Args:
        history: of `features.history`.
        through: its last complete day.
        retrain_days: how long a model is used.

    Returns:
        `schemas.lake.RISK_MODEL`, one row; none where there is too little to learn from.
    """
    model = train(history)
    if model is None:
        return pl.DataFrame(schema=RISK_MODEL.schema)
    parameters = model.to_json()
    version = hashlib.sha256(f"{through} {parameters}".encode()).hexdigest()[:_ABBREVIATED]
    row = {
        "version": version,
        "trained_through": through,
        "groups": history["group_id"].n_unique(),
        "days": history.height,
        **_graded(judged(walking_forward(history, retrain_days, other_groups=False))),
        "parameters": parameters,
    }
    return pl.DataFrame([row], schema=RISK_MODEL.schema)


def _graded(rows: pl.DataFrame) -> dict[str, Any]:
    deaths = int(rows["is_dead"].sum())
    found: dict[str, Any] = {"judged_days": rows.height, "judged_deaths": deaths, "may_alert": False}
    if not 0 < deaths < rows.height:
        return found
    scores = {_MODEL: pl.col("risk_28"), **{name: BASELINES[name] for name in _COLUMNS}}
    grade = grades(rows, scores, draws=0)
    error = calibration(rows).error
    is_better = all(
        grade[_MODEL].auc > grade[name].auc and grade[_MODEL].precision > grade[name].precision for name in _COLUMNS
    )
    return {
        **found,
        "auc": grade[_MODEL].auc,
        "average_precision": grade[_MODEL].precision,
        **{f"auc_{short}": grade[name].auc for name, short in _COLUMNS.items()},
        **{f"average_precision_{short}": grade[name].precision for name, short in _COLUMNS.items()},
        "calibration_error": error,
        "may_alert": is_better and error <= MOST_ERROR and deaths >= LEAST_DEATHS,
    }
