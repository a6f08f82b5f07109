"""BG/NBD: who still buys, and how often, from when they bought before.

Buyers buy at random with a rate of their own and, after each purchase, may never come back. The rates are gamma
distributed, the probabilities of leaving beta distributed. Source: Fader, Hardie & Lee (2005), "Counting Your
Customers" the Easy Way, Marketing Science 24(2), 275-284.

Of each buyer three numbers count, in any one unit of time: `x` purchases after the first, the last of them `t_x` after
the first (0 where there is none), observed until `T` after the first.
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
"""Of fewer who bought again nothing is said."""

Floats = NDArray[np.float64]

_WIDEST: Final = 15.0
"""Logarithm of the largest parameter that is sought; a fit that ends there has none."""


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
        """Probability that a buyer has not left by `observed`; 1 for who bought once, as nobody leaves before that.

        Source: Fader, Hardie & Lee (2008), Computing P(alive) Using the BG/NBD Model, brucehardie.com/notes/021.
        """
        x, t_x, observed = _arrays(x, t_x, observed)
        return expit(-self._log_odds_left(x, t_x, observed))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Purchases expected of a new buyer in `(0, t]` after the first one (equation 9)."""
        (t,) = _arrays(t)
        return self._while_alive(np.zeros_like(t), np.zeros_like(t), t)

    def expected_purchases_given(self, t: ArrayLike, x: ArrayLike, t_x: ArrayLike, observed: ArrayLike) -> Floats:
        """Purchases expected of a buyer in `(observed, observed + t]`, who is perhaps gone (equation 10)."""
        t, x, t_x, observed = _arrays(t, x, t_x, observed)
        return self._while_alive(x, observed, t) * self.p_alive(x, t_x, observed)

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, observed: ArrayLike) -> Floats:
        """Logarithm of the likelihood of each buyer (equation 6)."""
        x, t_x, observed = _arrays(x, t_x, observed)
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        return _of_number(parameters, x)[0] + _of_times(parameters, x, t_x, observed)[0]

    def _log_odds_left(self, x: Floats, t_x: Floats, observed: Floats) -> Floats:
        # Who bought once is alive: any denominator above 0 does.
        again = np.log(self.a) - np.log(np.where(x > 0, self.b + x - 1, 1.0))
        odds = again + (self.r + x) * (np.log(self.alpha + observed) - np.log(self.alpha + t_x))
        return np.where(x > 0, odds, -np.inf)

    def _while_alive(self, x: Floats, observed: Floats, t: Floats) -> Floats:
        """Purchases expected in `t` of a buyer who is alive after `observed`.

        By Euler's transformation of 2F1 (DLMF 15.8.1), as its arguments would else grow with `x` and lose digits.
        """
        # At a = 1 it is 0 / 0 with a limit, and at a + b + x = 1 it is 0 times infinity with one.
        before = self.a - 1 if abs(self.a - 1) > 1e-6 else 1e-6
        total = before + self.b + x
        total = np.where(np.abs(total) > 1e-6, total, 1e-6)
        later = self.alpha + observed
        series = hyp2f1(before + self.b - self.r, before, total, t / (later + t))
        return total / before * (1 - (later / (later + t)) ** before * series)


def fit(x: ArrayLike, t_x: ArrayLike, observed: ArrayLike, least_repeat_buyers: int = LEAST_REPEAT_BUYERS) -> BgNbd:
    """Find the model of greatest likelihood.

    Args:
        x: [buyers] purchases after the first.
        t_x: [buyers] time from the first purchase to the last.
        observed: [buyers] time from the first purchase to the end of the observation.
        least_repeat_buyers: With fewer buyers who bought again it is not tried.

    Raises:
        NoFit: Too few bought again, or the likelihood grows without end.
        ValueError: `0 <= t_x <= observed` does not hold, or `t_x` is above 0 with no purchase.
    """
    x, t_x, observed = _arrays(x, t_x, observed)
    if np.any((t_x < 0) | (t_x > observed) | ((x == 0) & (t_x > 0))):
        raise ValueError("times must satisfy 0 <= t_x <= observed, and t_x = 0 for who bought once")
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

    # Four numbers are no work for several threads of the linear algebra: they would only wait for each other.
    with threadpool_limits(1):
        found = minimize(
            cost, np.zeros(4), jac=True, method="L-BFGS-B", bounds=[(-_WIDEST, _WIDEST)] * 4,
            options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-8},
        )  # fmt: skip
    if not np.all(np.isfinite(found.x)) or np.any(np.abs(found.x) > _WIDEST - 1):
        raise NoFit(
            "The likelihood has no greatest value: these buyers do not differ as the model supposes.",
            "Read the RFM scores, or wait for a longer history.",
        )
    r, alpha, a, b = np.exp(found.x)
    return BgNbd(float(r), float(alpha * scale), float(a), float(b))


def _of_number(parameters: Floats, x: Floats) -> tuple[Floats, ...]:
    """The part of the log likelihood that follows from `x` alone, and its derivatives by r, alpha, a, b.

    This and `_of_times` add up to it, in the form of Fader & Hardie (2013), Overcoming the BG/NBD Model's #NUM! Error
    Problem, brucehardie.com/notes/027.
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
    """The part of the log likelihood that follows from when purchases were, too, and its derivatives."""
    r, alpha, a, b = parameters
    is_repeat = x > 0
    divisor = np.where(is_repeat, b + x - 1, 1.0)
    until_now, until_last = np.log(alpha + observed), np.log(alpha + t_x)
    log_odds_left = np.where(is_repeat, np.log(a / divisor) + (r + x) * (until_now - until_last), -np.inf)
    # Of the odds of having left and of having stayed, the smaller never overflow.
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
    """The distinct rows of columns, sorted, and how often each is there."""
    rows = pl.DataFrame(columns).group_by(pl.all()).len().sort(pl.all())
    *distinct, counts = (each.cast(pl.Float64).to_numpy() for each in rows.iter_columns())
    return distinct, counts


def _arrays(*values: ArrayLike) -> list[Floats]:
    return [np.array(each) for each in np.broadcast_arrays(*(np.asarray(value, np.float64) for value in values))]
