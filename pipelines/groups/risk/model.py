"""A calibrated model of how long groups stay silent: kernel ridge regression on survival at several horizons."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from pipelines.groups.risk.measured import FEATURES

HORIZONS: Final = (28, 56)
"""Horizons of the risks in days: the risk that they contain 28 consecutive days without member activity."""

SURVIVAL_DAYS: Final = (7, 14, 21, 28, 42, 56, 84)
"""Lengths of silence that are learnt together: the neighbours of 28 days make the target less noisy."""

LEAST_GROUPS: Final = 8
LEAST_DEATHS: Final = 40
"""Fewest groups, and fewest measured days of each outcome, to train on."""

_MOST_ROWS: Final = 20_000
"""Most rows to train on; a longer history is sampled by group, since more rows cost memory and hardly help."""

_COMPONENTS: Final = 15
_LANDMARKS: Final = 60
_LEAST_EIGENVALUE: Final = 1e-4
_GAMMA: Final = 0.002
_PENALTY: Final = 0.5
_RARE: Final = 0.02
_NEAR_ZERO: Final = 0.05
_MEANS: Final = ("activity_", "persons_", "newcomers_", "active_weeks", "silent_fortnights")


@dataclass(frozen=True)
class RiskModel:
    """The parameters of a trained model, as plain numbers.

    A measurement is encoded, standardised by `mean` and `scale`, projected on `axes` (components x features), compared
    with `landmarks` (points x components) by a Gaussian kernel and weighted: the score estimates the mean probability
    of silence over `SURVIVAL_DAYS`. `calibration` has intercept and slope of its logistic curve for each of `HORIZONS`.
    Landmarks are centres of clusters, so a model does not contain any measured day of a group. `deaths` is the number
    of training days before a death.
    """

    features: list[str]
    mean: list[float]
    scale: list[float]
    axes: list[list[float]]
    landmarks: list[list[float]]
    weights: list[float]
    intercept: float
    calibration: list[list[float]]
    deaths: int

    def log_odds(self, encoded: np.ndarray) -> np.ndarray:
        """Return log odds of being dead within each of `HORIZONS` days: rows x horizons."""
        with one_thread():
            projected = (encoded - np.array(self.mean)) / np.array(self.scale) @ np.array(self.axes).T
            score = _kernel(projected, np.array(self.landmarks)) @ np.array(self.weights) + self.intercept
        curves = np.array(self.calibration)
        return curves[:, 0] + _bent(score)[:, None] * curves[:, 1]

    def risks(self, encoded: np.ndarray) -> np.ndarray:
        """Return probabilities of being dead within each of `HORIZONS` days: rows x horizons, rising in each row."""
        return probabilities(self.log_odds(encoded))


def probabilities(log_odds: np.ndarray) -> np.ndarray:
    """Convert log odds to probabilities, rows x horizons; none is below that of a shorter horizon."""
    return np.maximum.accumulate(1 / (1 + np.exp(-log_odds)), axis=1)


def encode(measured: pl.DataFrame) -> np.ndarray:
    """Encode `FEATURES` on logarithmic scales: rows x features."""
    return measured.select(_scaled(name) for name in FEATURES).to_numpy()


def _scaled(name: str) -> pl.Expr:
    value = pl.col(name)
    if name == "ends_alone":
        return value
    if name == "outlasting_pauses":
        return value.log()
    return (value + _RARE).log() if name.startswith(_MEANS) else value.log1p()


def was_silent(waited: pl.DataFrame, days: int) -> np.ndarray:
    """True where no member was active in the `days` days from the row's on; `waited`: see `features.waits`."""
    return waited.select((pl.col("wait_days") > days).fill_null(value=True)).to_series().to_numpy()


def was_dead(waited: pl.DataFrame, days: int) -> np.ndarray:
    """True where the `days` days from the row's on contain 28 consecutive days without member activity."""
    return waited.select((pl.col("dead_days") <= days).fill_null(value=False)).to_series().to_numpy()


def train(waited: pl.DataFrame) -> RiskModel | None:
    """Train on measured days whose `SURVIVAL_DAYS` are all complete.

    Hyperparameters were chosen once, on a public community, and are no settings. Calibration uses scores of left-out
    groups, by the closed form of ridge regression (Cook & Weisberg 1982), so it needs no further fit.

    Args:
        waited: Columns of `features.waits`, in any order.

    Returns:
        The model; None if there are too few groups or outcomes.
    """
    mature = some_groups(waited.filter(pl.col("known_days") >= max(SURVIVAL_DAYS))).sort("group_id", "day")
    deaths = was_dead(mature, HORIZONS[0])
    if mature["group_id"].n_unique() < LEAST_GROUPS or min(deaths.sum(), (~deaths).sum()) < LEAST_DEATHS:
        return None
    survival = np.mean([was_silent(mature, days) for days in SURVIVAL_DAYS], axis=0)
    outcomes = [was_dead(mature, days) for days in HORIZONS]
    with one_thread():
        return _fitted(encode(mature), survival, mature["group_id"].rle_id().to_numpy(), outcomes)


def one_thread() -> threadpool_limits:
    """Limit BLAS to one thread: small matrices gain nothing by more, and sums become reproducible."""
    return threadpool_limits(1)


def some_groups(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep all rows of as many groups as fit the limit, in the order of a hash of their ids."""
    size = rows.group_by("group_id").len().sort(pl.col("group_id").map_batches(_hash, return_dtype=pl.UInt32))
    kept = size.filter(pl.col("len").cum_sum() <= _MOST_ROWS)["group_id"]
    return rows.filter(pl.col("group_id").is_in(kept.implode()))


def _hash(groups: pl.Series) -> pl.Series:
    return pl.Series([zlib.crc32(group.encode()) for group in groups], dtype=pl.UInt32)


def _fitted(encoded: np.ndarray, survival: np.ndarray, group: np.ndarray, outcomes: list[np.ndarray]) -> RiskModel:
    # It takes a second to import, and few runs train a model.
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    standard = scaler.fit_transform(encoded)
    axes = PCA(_COMPONENTS, svd_solver="full").fit(standard)
    projected = standard @ np.asarray(axes.components_).T
    clusters = min(_LANDMARKS, len(np.unique(projected, axis=0)))
    landmarks = KMeans(clusters, n_init="auto", random_state=0).fit(projected).cluster_centers_
    values, vectors = np.linalg.eigh(_kernel(landmarks, landmarks))
    whitened = vectors / np.sqrt(np.maximum(values, _LEAST_EIGENVALUE)) @ vectors.T
    mapped = _kernel(projected, landmarks) @ whitened
    ridge = Ridge(_PENALTY).fit(mapped, survival)
    left_out = _left_out(mapped, survival - ridge.predict(mapped), group, survival)
    return RiskModel(
        features=list(FEATURES),
        mean=_plain(scaler.mean_),
        scale=_plain(scaler.scale_),
        axes=_plain(axes.components_),
        landmarks=_plain(landmarks),
        weights=_plain(whitened @ ridge.coef_),
        intercept=float(ridge.intercept_),
        calibration=[_calibrated(left_out, outcome) for outcome in outcomes],
        deaths=int(outcomes[0].sum()),
    )


def _left_out(mapped: np.ndarray, residual: np.ndarray, group: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Predict each group by the ridge regression fitted without it: target - (I - H_gg)^-1 residual_g."""
    centred = mapped - mapped.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred + _PENALTY * np.eye(mapped.shape[1]))
    predicted = np.empty(len(target))
    for one in np.unique(group):
        rows = np.flatnonzero(group == one)
        leverage = centred[rows] @ inverse @ centred[rows].T + 1 / len(target)
        predicted[rows] = target[rows] - np.linalg.solve(np.eye(len(rows)) - leverage, residual[rows])
    return predicted


def _calibrated(score: np.ndarray, outcome: np.ndarray) -> list[float]:
    return logistic_curve(_bent(score), outcome)


def logistic_curve(value: np.ndarray, outcome: np.ndarray) -> list[float]:
    """Fit intercept and slope of the logistic curve through the outcomes (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    curve = LogisticRegression(C=1e6).fit(value[:, None], outcome)
    return [float(curve.intercept_[0]), float(curve.coef_[0, 0])]


def _bent(score: np.ndarray) -> np.ndarray:
    """Return the logarithm of a score; near 0 and below, which a regression can reach, its tangent."""
    return np.log(_NEAR_ZERO * np.logaddexp(0, score / _NEAR_ZERO))


def _kernel(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    squares = (points**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2 * points @ landmarks.T
    return np.exp(-_GAMMA * squares)


def _plain(values: Any) -> list[Any]:
    return np.asarray(values).tolist()
