"""Grades of scores: area under the ROC curve and average precision, with intervals over groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

BOOTSTRAPS: Final = 500
_QUANTILES: Final = (0.025, 0.975)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Grade:
    """Area under the ROC curve and average precision of a score, each with a 95 % interval over groups."""

    auc: float
    auc_interval: Interval
    precision: float
    precision_interval: Interval


def grades(rows: pl.DataFrame, scores: Mapping[str, pl.Expr], draws: int = BOOTSTRAPS) -> dict[str, Grade]:
    """Grade scores, where larger means a likelier death.

    Rows of a group are correlated, so the intervals come from a bootstrap that draws whole groups with replacement
    (Field & Welsh 2007). All scores are graded on the same draws.

    Args:
        rows: `group_id`, `is_dead` (both outcomes occur), and the inputs of the scores.
        scores: expressions by name.
        draws: number of bootstrap draws; 0: the intervals are NaN.

    Returns:
        The grades, by name of the score.
    """
    dead = rows["is_dead"].to_numpy()
    group = rows["group_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    count = int(group.max()) + 1
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=draws)
    return {
        name: _grade(dead, rows.select(score).to_series().to_numpy(), group, drawn) for name, score in scores.items()
    }


def areas(dead: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """Compute area under the ROC curve and average precision of a score; NaN if all or none died."""
    order, starts = _sorted(score)
    return _areas(dead[order], starts, np.ones(len(dead)))


def _sorted(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order by falling score, and where in it each distinct value begins."""
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    return order, np.flatnonzero(np.append(True, falling[1:] != falling[:-1]))


def _grade(dead: np.ndarray, score: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> Grade:
    order, starts = _sorted(score)
    dead, group = dead[order], group[order]
    auc, precision = _areas(dead, starts, np.ones(len(dead)))
    found = np.array([_areas(dead, starts, times[group].astype(float)) for times in drawn]).reshape(-1, 2)
    # A draw in which all or none died has no ranking.
    found = found[~np.isnan(found).any(axis=1)]
    low, high = np.quantile(found, _QUANTILES, axis=0) if len(found) else np.full((2, 2), np.nan)
    return Grade(auc, (float(low[0]), float(high[0])), precision, (float(low[1]), float(high[1])))


def _areas(dead: np.ndarray, starts: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Compute the area under the ROC curve (ties count half) and average precision (ties count together).

    Rows are sorted by falling score; `starts` are the first rows of its distinct values.
    """
    hits = np.add.reduceat(weight * dead, starts)
    misses = np.add.reduceat(weight * ~dead, starts)
    hits_so_far, misses_so_far = np.cumsum(hits), np.cumsum(misses)
    if not hits_so_far[-1] or not misses_so_far[-1]:
        return np.nan, np.nan
    auc = np.sum(misses * (hits_so_far - hits / 2)) / (hits_so_far[-1] * misses_so_far[-1])
    risks = np.maximum(hits_so_far + misses_so_far, 1)
    return float(auc), float(np.sum(hits * hits_so_far / risks) / hits_so_far[-1])
