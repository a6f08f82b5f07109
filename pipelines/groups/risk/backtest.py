"""What would have been told: by the own model of groups it never saw, and by the best score from the past alone."""

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
from pipelines.groups.risk.speaking import best, odds

MOST_FOLDS: Final = 40
FOLDS_FORWARD: Final = 10
BINS: Final = 10

BASELINES: Final[dict[str, pl.Expr]] = {
    "days of silence": pl.col("since_active_day_1"),
    "messages in 28 days": -pl.col("messages_28d"),
    "messages fell by half": -pl.col("messages_28d") / pl.max_horizontal(pl.col("messages_28d_before"), 1),
}
"""What a person would look at without a model, larger where death is likelier."""

_RISK: Final = f"risk_{HORIZONS[0]}"
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Bin:
    """Days whose risk lies in one tenth: how many, the mean risk, and the share on which the group was to die."""

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
    """Tell each group's risks by a model of the other groups.

    Each group is left out alone; of more than 40, as many at once as make 40 folds.

    Args:
        history: of `features.history`.

    Returns:
        The rows for which a model could be trained, with `risk_28` and `risk_56`, by group and day.
    """
    groups = history["group_id"].unique().sort()
    told = [history.clear().with_columns(risk_columns(np.empty((0, len(HORIZONS)))))]
    for fold in range(min(MOST_FOLDS, len(groups))):
        is_out = pl.col("group_id").is_in(groups[fold::MOST_FOLDS].implode())
        model, rows = train(history.filter(~is_out)), history.filter(is_out)
        if model is not None:
            told.append(rows.with_columns(risk_columns(model.risks(encode(rows)))))
    return pl.concat(told).sort("group_id", "day")


@dataclass(frozen=True)
class Forward:
    """What would have been told, by what was known then, and the scores that it was chosen from.

    Attributes:
        rows: those of the history, by group and day, with `risk_28` and `risk_56` of the score that spoke, its `score`
            and `model_share`, and `box_28` and `own_28`, the risks of the box and of the blend of own model and box.
        parts: the scores of the same rows.
    """

    rows: pl.DataFrame
    parts: Parts


def walking_forward(
    history: pl.DataFrame, retrain_days: int, *, other_groups: bool, parts: Parts | None = None
) -> Forward:
    """Tell each period's risks by the score that was best on what was known before it.

    The own model learns from days whose longest silence was over when the period began, in groups that had 30 messages
    by then; scores are graded on those whose next 28 days were. Which groups are left out together follows from their
    ids alone, so that nothing later changes a risk.

    Args:
        history: of `features.history`.
        retrain_days: length of a period.
        other_groups: whether the own model learns from other groups than those it tells of, in 10 folds.
        parts: what the box and counts tell of these rows, in the order of the history; None: by the packaged box.
    """
    rows = history.sort("group_id", "day").with_columns(
        fold=pl.col("group_id").map_batches(lambda groups: _folds(groups), return_dtype=pl.Int64)
    )
    encoded = inputs(rows)
    parts = Parts.of(encoded, box()) if parts is None else parts
    own, told, dead = parts.box.copy(), np.zeros_like(parts.box), was_dead(rows, HORIZONS[0])
    parts = replace(parts, own=own)
    spoke = [SCORES[0]] * rows.height
    opened = rows["day"].to_physical().to_numpy() + _EPOCH
    first, last = (int(opened.min()), int(opened.max())) if rows.height else (0, -1)
    # Periods of the calendar: a group whose history begins earlier than that of all others moves none of them.
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
        told[now] = parts.log_odds(score)[now] + np.log(odds(parts.log_odds(score)[past], dead[past]))
        for row in now:
            spoke[row] = score
    names, shares = zip(*spoke, strict=True) if spoke else ((), ())
    return Forward(
        rows.drop("fold").with_columns(
            *risk_columns(probabilities(told)),
            score=pl.Series(names, dtype=pl.String),
            model_share=pl.Series(shares, dtype=pl.Float64),
            box_28=pl.Series(probabilities(parts.box)[:, 0], dtype=pl.Float64),
            own_28=pl.Series(probabilities(own)[:, 0], dtype=pl.Float64),
        ),
        parts,
    )


def _folds(groups: pl.Series) -> pl.Series:
    return pl.Series([zlib.crc32(group.encode()) % FOLDS_FORWARD for group in groups], dtype=pl.Int64)


def judged(told: pl.DataFrame, days: int = HORIZONS[0]) -> pl.DataFrame:
    """The rows whose next `days` days are known, with `is_dead`: the group was to die within them."""
    known = told.filter(pl.col("known_days") >= days)
    return known.with_columns(is_dead=pl.Series(was_dead(known, days), dtype=pl.Boolean))


def calibration(rows: pl.DataFrame, risk: str = _RISK) -> Calibration:
    """Compare risks with what came of them; `rows` of `judged` for the same horizon."""
    told, dead = rows[risk].to_numpy(), rows["is_dead"].to_numpy()
    tenth = np.minimum((told * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(int((tenth == one).sum()), float(told[tenth == one].mean()), float(dead[tenth == one].mean()))
        for one in np.unique(tenth)
    )
    error = sum(one.days * abs(one.risk - one.dead) for one in bins) / len(told)
    return Calibration(float(np.mean((told - dead) ** 2)), float(error), bins)
