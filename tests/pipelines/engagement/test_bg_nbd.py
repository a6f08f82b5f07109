"""The model of buyers finds the published parameters, and its formulas are the integrals they stand for."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import roots_genlaguerre, roots_jacobi

from pipelines.engagement.bg_nbd import BgNbd, NoFit, fit
from tests.examples import examples

CDNOW = Path(__file__).parents[3].parent / "shared" / "data" / "cdnow"
PUBLISHED = BgNbd(0.243, 4.414, 0.793, 2.426)
"""Fader, Hardie & Lee (2005), table 2: a sample of 2,357 customers of CDNOW, in weeks."""

with_cdnow = pytest.mark.skipif(not CDNOW.exists(), reason="the purchases of CDNOW are not beside this repository")


def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = pl.read_csv(CDNOW / "cdnow_customers_summary.csv")
    return tuple(table[name].to_numpy() for name in ("frequency", "recency", "T"))  # type: ignore[return-value]


def everybody() -> pl.DataFrame:
    """Of all 23,570 customers `x`, `t_x` and `observed` in weeks up to 1997-09-30, and `later` purchases to 1998-06-30.

    Purchases of one day are one.
    """
    with gzip.open(CDNOW / "CDNOW_master.txt.gz", "rt") as file:
        rows = [line.split()[:2] for line in file][1:]
    bought = pl.DataFrame(rows, schema=["customer", "day"], orient="row").with_columns(
        pl.col("day").str.to_date("%Y%m%d")
    )
    day, end = pl.col("day"), dt.date(1997, 9, 30)
    known = bought.unique().with_columns(is_known=day <= end)
    in_time = day.filter("is_known")
    return known.group_by("customer").agg(
        x=in_time.len() - 1,
        t_x=(in_time.max() - in_time.min()).dt.total_days() / 7,
        observed=(end - in_time.min()).dt.total_days() / 7,
        later=(~pl.col("is_known")).sum(),
    )


@with_cdnow
def test_the_fit_of_cdnow_is_the_published_one():
    found = fit(*sample())
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), rel=0.01)
    assert found.log_likelihood(*sample()).sum() == pytest.approx(-9582.4, abs=0.05)


@with_cdnow
def test_the_probabilities_of_being_alive_are_the_published_ones():
    alive = PUBLISHED.p_alive(*sample())
    # Platzer, BTYDplus, summary of p.alives: minimum, first quartile, median and mean of this sample.
    assert np.percentile(alive, [0, 25, 50]) == pytest.approx([0, 0.6604, 1], abs=0.0005)
    assert alive.mean() == pytest.approx(0.8134, abs=0.0005)


def test_the_expected_purchases_are_the_published_ones():
    # Dziurzynski, Wadsworth & McCarthy, BTYD, walkthrough: a new customer's year, and that of customer 1516.
    estimated = BgNbd(0.2425945, 4.4136019, 0.7929199, 2.4258881)
    assert estimated.expected_purchases(52) == pytest.approx(1.444010, abs=1e-6)
    assert estimated.expected_purchases_given(52, 26, 30.86, 31) == pytest.approx(25.75647, rel=1e-3)
    # Fader, Hardie & Lee (2005), Implementing the BG/NBD Model in Excel: customer 0001 in the next 39 weeks.
    assert estimated.expected_purchases_given(39, 2, 30.43, 38.86) == pytest.approx(1.226, abs=0.0005)


@with_cdnow
def test_the_purchases_of_the_holdout_rise_with_the_expected_ones():
    customers = everybody()
    x, t_x, observed = (customers[name].to_numpy() for name in ("x", "t_x", "observed"))
    expected = fit(x, t_x, observed).expected_purchases_given(39, x, t_x, observed)
    by_history = (
        customers.with_columns(expected=expected, x=pl.min_horizontal("x", pl.lit(7)))
        .group_by("x")
        .agg(pl.col("later", "expected").mean())
        .sort("x")
    )
    assert by_history["expected"].is_sorted()
    assert by_history["later"].is_sorted()
    assert np.corrcoef(by_history["expected"], by_history["later"])[0, 1] > 0.99
    assert expected.sum() == pytest.approx(customers["later"].sum(), rel=0.2)


PARAMETER = st.floats(0.3, 4.0)
MODELS = st.builds(BgNbd, PARAMETER, PARAMETER, PARAMETER, PARAMETER)
SHARES = st.floats(0, 1)
AGES = st.floats(0.1, 2.5)
"""In units of `alpha`, the scale of times: the quadrature below is exact to many digits there."""


def grid(model: BgNbd) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates, probabilities of leaving and the weights of each pair."""
    rate, rate_weight = roots_genlaguerre(70, model.r - 1)
    leave, leave_weight = roots_jacobi(40, model.b - 1, model.a - 1)
    weight = np.outer(rate_weight / rate_weight.sum(), leave_weight / leave_weight.sum())
    return (rate / model.alpha)[:, None], ((leave + 1) / 2)[None, :], weight


@examples(60)
@given(model=MODELS, x=st.integers(0, 8), observed=AGES, share=SHARES, t=AGES)
@example(model=BgNbd(1.0, 1.0, 0.5, 0.5), x=0, observed=1.0, share=0.0, t=1.0)
def test_the_formulas_are_the_integrals_over_all_buyers(model: BgNbd, x: int, observed: float, share: float, t: float):
    observed, t = observed * model.alpha, t * model.alpha
    t_x = observed * share if x else 0.0
    rate, leave, weight = grid(model)
    still_here = (1 - leave) ** x * rate**x * np.exp(-rate * observed)
    gone = leave * (1 - leave) ** (x - 1) * rate**x * np.exp(-rate * t_x) if x else 0 * weight
    likelihood = (weight * (still_here + gone)).sum()
    alive = (weight * still_here).sum() / likelihood
    purchases = -np.expm1(-rate * leave * t) / leave
    assert model.log_likelihood(x, t_x, observed) == pytest.approx(np.log(likelihood), rel=1e-6, abs=1e-7)
    assert model.p_alive(x, t_x, observed) == pytest.approx(alive, rel=1e-6)
    assert model.expected_purchases(t) == pytest.approx((weight * purchases).sum(), rel=1e-5)
    expected = (weight * still_here * purchases).sum() / likelihood
    assert model.expected_purchases_given(t, x, t_x, observed) == pytest.approx(expected, rel=1e-5)


def test_a_parameter_of_one_is_the_limit_of_its_neighbours():
    at, beside = (BgNbd(0.5, 4, a, 2).expected_purchases_given(9, 3, 8, 9) for a in (1, 1.0001))
    assert at == pytest.approx(beside, rel=1e-3)


def test_many_purchases_lose_no_digits():
    model = BgNbd(0.243, 4.414, 0.793, 2.426)
    assert 0 < model.expected_purchases_given(52, 5_000, 99.9, 100) < 5_000 * 52 / 100
    assert model.p_alive(5_000, 50, 100) == 0


def test_who_bought_once_is_alive():
    assert PUBLISHED.p_alive(0, 0, [1, 1000]).tolist() == [1, 1]


def simulated(model: BgNbd, buyers: int, observed: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    rates = rng.gamma(model.r, 1 / model.alpha, buyers)
    leaves = rng.beta(model.a, model.b, buyers)
    x, t_x = np.zeros(buyers), np.zeros(buyers)
    for buyer in range(buyers):
        time = 0.0
        while (time := time + rng.exponential(1 / rates[buyer])) <= observed:
            x[buyer], t_x[buyer] = x[buyer] + 1, time
            if rng.random() < leaves[buyer]:
                break
    return x, t_x, np.full(buyers, observed)


@pytest.mark.parametrize("days", [1, 7])
def test_the_fit_finds_the_model_that_made_the_purchases_in_any_unit_of_time(days: int):
    x, t_x, observed = simulated(BgNbd(0.8, 5, 0.7, 2.5), 20_000, 50)
    found = fit(x, t_x * days, observed * days)
    assert (found.r, found.alpha / days, found.a, found.b) == pytest.approx((0.8, 5, 0.7, 2.5), rel=0.12)


def test_no_other_parameters_are_likelier():
    histories = simulated(BgNbd(0.8, 5, 0.7, 2.5), 3_000, 50)
    found = fit(*histories)
    best = found.log_likelihood(*histories).sum()
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.98, 1.02):
            other = BgNbd(**{**vars(found), name: getattr(found, name) * factor})
            assert other.log_likelihood(*histories).sum() < best


def test_too_few_who_bought_again_make_no_model():
    with pytest.raises(NoFit, match="2 buyers bought again, 100 are needed"):
        fit([1, 0, 3], [2.0, 0, 4], [9.0, 9, 9])


def test_buyers_who_never_leave_and_never_differ_make_no_model():
    x = np.full(500, 10)
    with pytest.raises(NoFit, match="no maximum"):
        fit(x, np.full(500, 10.0), np.full(500, 10.0))


@pytest.mark.parametrize("history", [(1, 3, 2), (0, 1, 2), (1, -1, 2)])
def test_impossible_histories_are_refused(history: tuple[int, int, int]):
    x, t_x, observed = history
    with pytest.raises(ValueError, match="times must satisfy"):
        fit([x], [t_x], [observed])
