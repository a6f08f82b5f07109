"""Back-test of the risk: by a model of the other groups, and by the best score from earlier days only."""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from pipelines.groups.risk.box import box
from pipelines.groups.risk.features import LEAST_MESSAGES
from pipelines.groups.risk.model import HORIZONS, encode, probabilities, train, was_dead
from pipelines.groups.risk.scores import SCORES, Parts, inputs, own_weight, risk_columns
from pipelines.groups.risk.selection import best, odds

MOST_FOLDS: Final = 40
FOLDS_FORWARD: Final = 10
BINS: Final = 10

BASELINES: Final[dict[str, pl.Expr]] = {
    "days of silence": pl.col("since_active_day_1"),
    "messages in 28 days": -pl.col("messages_28d"),
    "messages fell by half": -pl.col("messages_28d") / pl.max_horizontal(pl.col("messages_28d_before"), 1),
}
"""Baselines without a model: larger values mean a likelier death."""

_RISK: Final = f"risk_{HORIZONS[0]}"
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Bin:
    """Days whose risk is in one tenth: their number, the mean risk, and the share on which the group was to die."""

    days: int
    risk: float
    dead: float


@dataclass(frozen=True)
class Calibration:
    """Brier score, expected calibration error over tenths, and the tenths that have days."""

    brier: float
    error: float
    bins: tuple[Bin, ...]


def across_groups(history: pl.DataFrame) -> pl.DataFrame:
    """Predict each group's risks by a model of the other groups (cross-validation).

    Leaves out one group at a time; with more than 40 groups there are 40 folds.

    Args:
        history: the result of `features.history`.

    Returns:
        The rows for which a model could be trained, with `risk_28` and `risk_56`, by group and day.
    """
    groups = history["group_id"].unique().sort()
    predicted = [history.clear().with_columns(risk_columns(np.empty((0, len(HORIZONS)))))]
    for fold in range(min(MOST_FOLDS, len(groups))):
        is_out = pl.col("group_id").is_in(groups[fold::MOST_FOLDS].implode())
        model, rows = train(history.filter(~is_out)), history.filter(is_out)
        if model is not None:
            predicted.append(rows.with_columns(risk_columns(model.risks(encode(rows)))))
    return pl.concat(predicted).sort("group_id", "day")


@dataclass(frozen=True)
class Forward:
    """Risks predicted from earlier days only, and the scores they were chosen from.

    Attributes:
        rows: those of the history, by group and day, with `risk_28` and `risk_56` of the score in use, its `score` and
            `model_share`, and `box_28` and `own_28`, the risks of the shipped model and of its blend with the own one.
        parts: the scores of the same rows.
    """

    rows: pl.DataFrame
    parts: Parts


def walking_forward(
    history: pl.DataFrame, retrain_days: int, *, other_groups: bool, parts: Parts | None = None
) -> Forward:
    """Predict the risks of each period by the score that ranked best before it (walk-forward validation).

    The own model is trained on days whose outcomes at all horizons were known when the period began, in groups that had
    30 messages by then; scores are graded on days whose next 28 days were complete. Folds depend on group ids only, so
    that nothing later changes a risk.

    Args:
        history: the result of `features.history`.
        retrain_days: length of a period.
        other_groups: whether the own model is trained on other groups than those it predicts, in 10 folds.
        parts: log odds of the shipped model and of counts for these rows, in the order of the history; None: computed
            with the packaged model.
    """
    rows = history.sort("group_id", "day").with_columns(
        fold=pl.col("group_id").map_batches(lambda groups: _folds(groups), return_dtype=pl.Int64)
    )
    encoded = inputs(rows)
    parts = Parts.of(encoded, box()) if parts is None else parts
    own, predicted, dead = parts.box.copy(), np.zeros_like(parts.box), was_dead(rows, HORIZONS[0])
    parts = replace(parts, own=own)
    spoke = [SCORES[0]] * rows.height
    opened = rows["day"].to_physical().to_numpy() + _EPOCH
    first, last = (int(opened.min()), int(opened.max())) if rows.height else (0, -1)
    # Periods are fixed in the calendar, so that an earlier first day of some group moves none of them.
    for opens in range(first // retrain_days * retrain_days, last + 1, retrain_days):
        now = np.flatnonzero((opened >= opens) & (opened < opens + retrain_days))
        if not len(now):
            continue
        is_known = pl.col("messages_so_far").max().over("group_id") >= LEAST_MESSAGES
        before = rows.with_row_index("row").filter(pl.Series(opened < opens)).filter(is_known)
        before = before.with_columns(known_days=pl.lit(opens - 1, pl.Int64) - (pl.col("day").to_physical() + _EPOCH))
        folds = rows["fold"].to_numpy()[now] if other_groups else np.full(len(now), -1)
        for fold in np.unique(folds):
            model, of_fold = train(before.filter(pl.col("fold") != fold)), now[folds == fold]
            if model is not None:
                own[of_fold] = Parts.of(
                    encoded[of_fold], box(), model, own_weight(model.deaths), parts.box[of_fold]
                ).own
        past = before.filter(pl.col("known_days") >= HORIZONS[0])["row"].to_numpy()
        score = best(parts.at(past), dead[past])
        predicted[now] = parts.log_odds(score)[now] + np.log(odds(parts.log_odds(score)[past], dead[past]))
        for row in now:
            spoke[row] = score
    names, shares = zip(*spoke, strict=True) if spoke else ((), ())
    return Forward(
        rows.drop("fold").with_columns(
            *risk_columns(probabilities(predicted)),
            score=pl.Series(names, dtype=pl.String),
            model_share=pl.Series(shares, dtype=pl.Float64),
            box_28=pl.Series(probabilities(parts.box)[:, 0], dtype=pl.Float64),
            own_28=pl.Series(probabilities(own)[:, 0], dtype=pl.Float64),
        ),
        parts,
    )


def _folds(groups: pl.Series) -> pl.Series:
    return pl.Series([zlib.crc32(group.encode()) % FOLDS_FORWARD for group in groups], dtype=pl.Int64)


def judged(predicted: pl.DataFrame, days: int = HORIZONS[0]) -> pl.DataFrame:
    """Return the rows whose next `days` days are known, with `is_dead`: the group died within them."""
    known = predicted.filter(pl.col("known_days") >= days)
    return known.with_columns(is_dead=pl.Series(was_dead(known, days), dtype=pl.Boolean))


def calibration(rows: pl.DataFrame, risk: str = _RISK) -> Calibration:
    """Compare predicted risks with outcomes; `rows` are the result of `judged` for the same horizon."""
    predicted, dead = rows[risk].to_numpy(), rows["is_dead"].to_numpy()
    tenth = np.minimum((predicted * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(int((tenth == one).sum()), float(predicted[tenth == one].mean()), float(dead[tenth == one].mean()))
        for one in np.unique(tenth)
    )
    error = sum(one.days * abs(one.risk - one.dead) for one in bins) / len(predicted)
    return Calibration(float(np.mean((predicted - dead) ** 2)), float(error), bins)
