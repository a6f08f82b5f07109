"""How well the risk would have told deaths: on groups the model never saw, and from the past alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from pipelines.groups.risk.model import HORIZONS, encode, train, was_silent

FOLDS: Final = 10
RETRAINED_EVERY: Final = dt.timedelta(days=91)
BOOTSTRAPS: Final = 500
BINS: Final = 10
_A_WEEK: Final = 7


@dataclass(frozen=True)
class Grade:
    """How well a score ranks: area under the ROC curve, average precision, each with a 95 % interval over groups."""

    name: str
    auc: float
    auc_interval: tuple[float, float]
    precision: float
    precision_interval: tuple[float, float]


@dataclass(frozen=True)
class Bin:
    """Days whose risk lies in one tenth: how many, the mean risk, and the share that stayed silent."""

    days: int
    risk: float
    silent: float


@dataclass(frozen=True)
class Calibration:
    """Brier score, expected calibration error over tenths, and the tenths that have days."""

    brier: float
    error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Warnings:
    """What alerts at a threshold had been worth.

    `told` of `deaths` had a risk at the threshold on a measured day before the silence was over 28 days; `lead_days` is
    the median of the days from the first of an unbroken row of such days to the death; `weekly` counts the days on
    which an alert began, a week and a hundred groups.
    """

    threshold: float
    deaths: int
    told: int
    lead_days: float | None
    weekly: float


def across_groups(waited: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Tell each group's risks by a model of the other groups: 10 folds of whole groups at random.

    Args:
        waited: columns of `features.waits`.
        seed: of the division.

    Returns:
        The rows for which a model could be trained, with `risk_28` and `risk_56`, by group and day.
    """
    return _told((model_rows, rows) for model_rows, rows in _folds(waited, seed))


def walking_forward(waited: pl.DataFrame, *, other_groups: bool, seed: int = 0) -> pl.DataFrame:
    """Tell each quarter's risks by a model of what was known before it.

    A model learns from days whose longest silence was over when the quarter began. With `other_groups` it learns from
    groups of other folds only, as in `across_groups`.
    """
    days: list[dt.date] = waited["day"].sort().to_list()

    def parts() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        opens = days[0] + RETRAINED_EVERY
        while opens <= days[-1]:
            before = waited.filter(pl.col("day") < opens).with_columns(
                known_days=(pl.lit(opens) - pl.col("day")).dt.total_days() - 1
            )
            is_now = pl.col("day").is_between(opens, opens + RETRAINED_EVERY, closed="left")
            if not other_groups:
                yield before, waited.filter(is_now)
            else:
                for _, rows in _folds(waited, seed):
                    yield before.join(rows, on="group_id", how="anti"), rows.filter(is_now)
            opens += RETRAINED_EVERY

    return _told(parts())


def _folds(waited: pl.DataFrame, seed: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    groups = waited["group_id"].unique().sort()
    order = np.random.default_rng(seed).permutation(len(groups))
    for fold in range(FOLDS):
        is_out = pl.col("group_id").is_in(groups.gather(order[fold::FOLDS]).implode())
        yield waited.filter(~is_out), waited.filter(is_out)


def _told(parts: Iterator[tuple[pl.DataFrame, pl.DataFrame]]) -> pl.DataFrame:
    told = []
    for known, rows in parts:
        model = train(known) if not rows.is_empty() else None
        if model is not None:
            risks = model.risks(encode(rows))
            told.append(rows.with_columns(risk_28=pl.Series(risks[:, 0]), risk_56=pl.Series(risks[:, 1])))
    return pl.concat(told).sort("group_id", "day") if told else pl.DataFrame()


def judged(told: pl.DataFrame, days: int = HORIZONS[0]) -> pl.DataFrame:
    """The rows whose next `days` days are known, with `is_silent`: no member was active in them."""
    known = told.filter(pl.col("known_days") >= days)
    return known.with_columns(is_silent=pl.Series(was_silent(known, days), dtype=pl.Boolean))


def grades(rows: pl.DataFrame, scores: dict[str, pl.Expr], seed: int = 0) -> list[Grade]:
    """Grade scores, larger where silence is likelier; the intervals draw whole groups with replacement.

    Args:
        rows: of `judged`, both outcomes among them.
        scores: by name.
        seed: of the draws.
    """
    outcome = rows["is_silent"].to_numpy()
    of_group = [
        np.flatnonzero(rows["group_id"].rle_id().to_numpy() == one) for one in range(rows["group_id"].n_unique())
    ]
    chance = np.random.default_rng(seed)
    draws = [
        np.concatenate([of_group[g] for g in chance.integers(len(of_group), size=len(of_group))])
        for _ in range(BOOTSTRAPS)
    ]
    draws = [draw for draw in draws if 0 < outcome[draw].sum() < len(draw)]
    return [_grade(name, outcome, rows.select(score).to_series().to_numpy(), draws) for name, score in scores.items()]


def _grade(name: str, outcome: np.ndarray, score: np.ndarray, draws: list[np.ndarray]) -> Grade:
    aucs = [roc_auc_score(outcome[draw], score[draw]) for draw in draws]
    precisions = [average_precision_score(outcome[draw], score[draw]) for draw in draws]
    return Grade(
        name,
        float(roc_auc_score(outcome, score)),
        _interval(aucs),
        float(average_precision_score(outcome, score)),
        _interval(precisions),
    )


def _interval(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def calibration(rows: pl.DataFrame, risk: str = "risk_28") -> Calibration:
    """Compare risks with what came of them; `rows` of `judged` for the same horizon."""
    told, outcome = rows[risk].to_numpy(), rows["is_silent"].to_numpy()
    tenth = np.minimum((told * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(int((tenth == one).sum()), float(told[tenth == one].mean()), float(outcome[tenth == one].mean()))
        for one in np.unique(tenth)
    )
    error = sum(one.days * abs(one.risk - one.silent) for one in bins) / len(told)
    return Calibration(float(brier_score_loss(outcome, told)), float(error), bins)


def warnings(told: pl.DataFrame, threshold: float) -> Warnings:
    """Say what alerts at a threshold of `risk_28` had been worth; `told` has a row a week."""
    spells = (
        told.sort("group_id", "day")
        .with_columns(
            last_active_day=pl.col("day") - pl.duration(days=pl.col("since_active_day_1").cast(pl.Int64)),
            is_high=pl.col("risk_28") >= threshold,
        )
        .with_columns(
            # A measured day a week after the one before goes on with its row.
            is_next=(pl.col("day").diff().over("group_id").dt.total_days() == _A_WEEK).fill_null(value=False)
        )
        .with_columns(
            begins=pl.col("is_high")
            & ~(pl.col("is_high").shift(1).over("group_id").fill_null(value=False) & pl.col("is_next"))
        )
        .with_columns(row=pl.col("begins").cum_sum().over("group_id"))
        .with_columns(began=pl.when("is_high").then(pl.col("day").min().over("group_id", "row", "is_high")))
    )
    silence = pl.col("since_active_day_1") + pl.col("wait_days").fill_null(pl.col("known_days") + 1)
    last = (
        spells.filter(silence > HORIZONS[0])
        .group_by("group_id", "last_active_day", maintain_order=True)
        .agg(pl.col("began").last())
        .with_columns(lead=HORIZONS[0] - (pl.col("began") - pl.col("last_active_day")).dt.total_days())
    )
    lead = last["lead"].drop_nulls().median()
    return Warnings(
        threshold,
        deaths=last.height,
        told=last["began"].count(),
        lead_days=float(lead) if isinstance(lead, (int, float)) else None,
        weekly=100 * float(spells["begins"].sum()) / spells.height if spells.height else 0.0,
    )
