"""BG/NBD model: who still buys and how often, from the times of past purchases.

Each buyer buys at random at an individual rate and may leave after each purchase. Rates are gamma distributed,
probabilities of leaving beta distributed. Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way,
Marketing Science 24(2), 275-284.

The model uses three numbers per buyer, in one unit of time: `x` purchases after the first, the last of them `t_x` after
the first (0 if there is none), observed until `T` after the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, hyp2f1
from threadpoolctl import threadpool_limits

from schemas.errors import EmberlineError

LEAST_REPEAT_BUYERS: Final = 100
"""With fewer repeat buyers there is no model."""

Floats = NDArray[np.float64]

_WIDEST: Final = 15.0
"""Logarithm of the largest parameter searched; a fit that ends there failed."""


class NoFit(EmberlineError):
    """The purchases do not determine a model."""


@dataclass(frozen=True)
class BgNbd:
    """A model of buyers: rates are gamma(`r`, rate `alpha`), probabilities of leaving are beta(`a`, `b`)."""

    r: float
    alpha: float
    a: float
    b: float

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, observed: ArrayLike) -> Floats:
        """Return the probability that a buyer has not left by `observed`; 1 for one-time buyers, who cannot have left.

        Source: Fader, Hardie & Lee (2008), Computing P(alive) Using the BG/NBD Model, brucehardie.com/notes/021.
        """
        x, t_x, observed = _arrays(x, t_x, observed)
        return expit(-self._log_odds_left(x, t_x, observed))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected purchases of a new buyer in `(0, t]` after the first one (equation 9)."""
        (t,) = _arrays(t)
        return self._while_alive(np.zeros_like(t), np.zeros_like(t), t)

    def expected_purchases_given(self, t: ArrayLike, x: ArrayLike, t_x: ArrayLike, observed: ArrayLike) -> Floats:
        """Return the expected purchases of a buyer, who may have left, in `(observed, observed + t]` (equation 10)."""
        t, x, t_x, observed = _arrays(t, x, t_x, observed)
        return self._while_alive(x, observed, t) * self.p_alive(x, t_x, observed)

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, observed: ArrayLike) -> Floats:
        """Return the log likelihood of each buyer (equation 6)."""
        x, t_x, observed = _arrays(x, t_x, observed)
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        return _of_number(parameters, x)[0] + _of_times(parameters, x, t_x, observed)[0]

    def _log_odds_left(self, x: Floats, t_x: Floats, observed: Floats) -> Floats:
        # One-time buyers are alive: any denominator above 0 works.
        again = np.log(self.a) - np.log(np.where(x > 0, self.b + x - 1, 1.0))
        odds = again + (self.r + x) * (np.log(self.alpha + observed) - np.log(self.alpha + t_x))
        return np.where(x > 0, odds, -np.inf)

    def _while_alive(self, x: Floats, observed: Floats, t: Floats) -> Floats:
        """Return the expected purchases in `t` of a buyer who is alive after `observed`.

        Uses Euler's transformation of 2F1 (DLMF 15.8.1): otherwise its arguments grow with `x` and lose digits.
        """
        # At a = 1 it is 0 / 0 with a limit, and at a + b + x = 1 it is 0 times infinity with one.
        before = self.a - 1 if abs(self.a - 1) > 1e-6 else 1e-6
        total = before + self.b + x
        total = np.where(np.abs(total) > 1e-6, total, 1e-6)
        later = self.alpha + observed
        series = hyp2f1(before + self.b - self.r, before, total, t / (later + t))
        return total / before * (1 - (later / (later + t)) ** before * series)


def fit(x: ArrayLike, t_x: ArrayLike, observed: ArrayLike, least_repeat_buyers: int = LEAST_REPEAT_BUYERS) -> BgNbd:
    """Fit the model by maximum likelihood.

    Args:
        x: [buyers] purchases after the first.
        t_x: [buyers] time from the first purchase to the last.
        observed: [buyers] time from the first purchase to the end of the observation.
        least_repeat_buyers: Minimum number of repeat buyers.

    Raises:
        NoFit: There are too few repeat buyers, or the likelihood has no maximum.
        ValueError: `0 <= t_x <= observed` does not hold, or `t_x` is above 0 with no purchase.
    """
    x, t_x, observed = _arrays(x, t_x, observed)
    if np.any((t_x < 0) | (t_x > observed) | ((x == 0) & (t_x > 0))):
        raise ValueError("times must satisfy 0 <= t_x <= observed, and t_x = 0 for one-time buyers")
    again = int(np.count_nonzero(x > 0))
    if again < max(1, least_repeat_buyers):
        raise NoFit(
            f"{again} buyers bought again, {least_repeat_buyers} are needed.", "Wait for more, or read the RFM scores."
        )
    # Many buyers have the same history, and more the same number of purchases; time in units of the longest keeps the
    # search in one range.
    scale = observed.max()
    histories, buyers = _distinct(x, t_x / scale, observed / scale)
    numbers, buyers_of_number = _distinct(x)

    def cost(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        sums = np.zeros(5)
        for each, how_many in (
            (_of_number(parameters, *numbers), buyers_of_number),
            (_of_times(parameters, *histories), buyers),
        ):
            sums += [(of_buyer * how_many).sum() for of_buyer in each]
        return -sums[0] / len(x), -sums[1:] * parameters / len(x)

    # With four parameters, threads of the linear algebra would only wait for each other.
    with threadpool_limits(1):
        found = minimize(
            cost, np.zeros(4), jac=True, method="L-BFGS-B", bounds=[(-_WIDEST, _WIDEST)] * 4,
            options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-8},
        )  # fmt: skip
    if not np.all(np.isfinite(found.x)) or np.any(np.abs(found.x) > _WIDEST - 1):
        raise NoFit(
            "The likelihood has no maximum: these buyers do not differ as the model assumes.",
            "Use the RFM scores, or wait for a longer history.",
        )
    r, alpha, a, b = np.exp(found.x)
    return BgNbd(float(r), float(alpha * scale), float(a), float(b))


def _of_number(parameters: Floats, x: Floats) -> tuple[Floats, ...]:
    """Return the part of the log likelihood that depends on `x` only, and its derivatives by r, alpha, a, b.

    The log likelihood is its sum with `_of_times`, in the form of Fader & Hardie (2013), Overcoming the BG/NBD Model's
    #NUM! Error Problem, brucehardie.com/notes/027.
    """
    r, alpha, a, b = parameters
    value = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    )  # fmt: skip
    by_sum = digamma(a + b) - digamma(a + b + x)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha)
    return value, by_r, np.full_like(x, r / alpha), by_sum, by_sum + digamma(b + x) - digamma(b)


def _of_times(parameters: Floats, x: Floats, t_x: Floats, observed: Floats) -> tuple[Floats, ...]:
    """Return the part of the log likelihood that also depends on times of purchases, and its derivatives."""
    r, alpha, a, b = parameters
    is_repeat = x > 0
    divisor = np.where(is_repeat, b + x - 1, 1.0)
    until_now, until_last = np.log(alpha + observed), np.log(alpha + t_x)
    log_odds_left = np.where(is_repeat, np.log(a / divisor) + (r + x) * (until_now - until_last), -np.inf)
    # The smaller of the odds of having left and of having stayed never overflow.
    smaller = np.exp(-np.abs(log_odds_left))
    value = np.maximum(log_odds_left, 0) + np.log1p(smaller) - (r + x) * until_now
    share_left = np.where(log_odds_left > 0, 1, smaller) / (1 + smaller)
    share_stayed = 1 - share_left
    return (
        value,
        -share_stayed * until_now - share_left * until_last,
        -(r + x) * (share_stayed / (alpha + observed) + share_left / (alpha + t_x)),
        share_left / a,
        -share_left / divisor,
    )


def _distinct(*columns: Floats) -> tuple[list[Floats], Floats]:
    """Return the distinct rows of columns, sorted, and their counts."""
    rows = pl.DataFrame(columns).group_by(pl.all()).len().sort(pl.all())
    *distinct, counts = (each.cast(pl.Float64).to_numpy() for each in rows.iter_columns())
    return distinct, counts


def _arrays(*values: ArrayLike) -> list[Floats]:
    return [np.array(each) for each in np.broadcast_arrays(*(np.asarray(value, np.float64) for value in values))]
