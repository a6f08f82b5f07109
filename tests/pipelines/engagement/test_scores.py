"""Scores compare buyers by recency, frequency and money, with cuts of the company's own."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.scores import RFM, Cuts, Fixed, Quantiles, rfm
from schemas.kinds import MOST_MINOR
from schemas.lake import UTC_TIME
from tests.pipelines.engagement.frames import MONDAY, ZONE, at, rows_of

ORDERS = {"person_id": pl.String(), "currency": pl.String(), "paid_at": UTC_TIME, "net_minor": pl.Int64()}


def scores(cuts: Cuts, *values: int) -> list[int]:
    return pl.DataFrame({"value": values}).select(cuts.score(pl.col("value")))["value"].to_list()


def test_quantiles_divide_by_rank_and_equal_values_score_alike():
    assert scores(Quantiles(5), 50, 40, 30, 20, 10) == [5, 4, 3, 2, 1]
    assert scores(Quantiles(2), 1, 1, 1, 9) == [1, 1, 1, 2]
    assert scores(Quantiles(3), 7, 7, 7) == [1, 1, 1]


def test_fixed_cuts_begin_the_next_score():
    assert scores(Fixed((10, 20)), 9, 10, 19, 20) == [1, 2, 2, 3]
    assert scores(Fixed(()), 9, 10) == [1, 1]


@pytest.mark.parametrize("cuts", [lambda: Fixed((2, 2)), lambda: Fixed((3, 1)), lambda: Quantiles(0)])
def test_cuts_that_do_not_rise_are_refused(cuts):
    with pytest.raises(ValueError, match=r"rise|at least 1"):
        cuts()


def test_recency_scores_higher_the_fewer_days_ago():
    rows = [
        (name, "CNY", at(f"{MONDAY - dt.timedelta(days=n)} 12:00"), 1) for name, n in (("a", 0), ("b", 6), ("c", 7))
    ]
    found = rfm(pl.LazyFrame(rows, schema=ORDERS, orient="row"), MONDAY, ZONE, recency=Fixed((-6, -1)))
    assert rows_of(found, "person_id", "recency_score") == {("a", 3), ("b", 2), ("c", 1)}


def test_money_of_two_currencies_is_neither_summed_nor_compared():
    noon = at("2025-03-03 12:00")
    paid = [("ann", "CNY", noon, 100), ("ann", "USD", noon, 1), ("bob", "USD", noon, 2)]
    found = rfm(pl.LazyFrame(paid, schema=ORDERS, orient="row"), MONDAY, ZONE, monetary=Quantiles(2))
    expected = {("ann", "CNY", 100, 1), ("ann", "USD", 1, 1), ("bob", "USD", 2, 2)}
    assert rows_of(found, "person_id", "currency", "net_minor", "monetary_score") == expected


def test_money_of_a_buyer_is_exact_beyond_64_bits():
    paid = [(name, "CNY", at("2025-03-03 12:00"), MOST_MINOR) for name in ("ann", "ann", "ann", "bob")]
    found = rfm(pl.LazyFrame(paid, schema=ORDERS, orient="row"), MONDAY, ZONE, monetary=Quantiles(2))
    expected = {("ann", 3 * MOST_MINOR, 2), ("bob", MOST_MINOR, 1)}
    assert rows_of(found, "person_id", "net_minor", "monetary_score") == expected


def score_of(cuts: Cuts, value: int, everybody: list[int]) -> int:
    if isinstance(cuts, Fixed):
        return 1 + sum(value >= cut for cut in cuts.cuts)
    return 1 + cuts.n * sum(other < value for other in everybody) // len(everybody)


CUTS: st.SearchStrategy[Cuts] = st.one_of(
    st.integers(1, 6).map(Quantiles),
    st.lists(st.integers(-8, 12), unique=True, max_size=4).map(lambda cuts: Fixed(tuple(sorted(cuts)))),
)


@given(
    paid=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["CNY", "USD"]), st.integers(-200, 20), st.integers(-2, 9)),
        max_size=14,
    ),
    cuts=st.tuples(CUTS, CUTS, CUTS),
)
def test_rfm_equals_the_oracle(paid: list[tuple[str, str, int, int]], cuts: tuple[Cuts, Cuts, Cuts]):
    midnight = at(f"{MONDAY + dt.timedelta(days=1)} 00:00")
    rows = [(who, currency, midnight + dt.timedelta(hours=hours), net) for who, currency, hours, net in paid]
    known = [(who, currency, -(hours // 24) - 1, net) for who, currency, hours, net in paid if hours < 0]
    raw: dict[tuple[str, str], tuple[int, int, int]] = {}
    for key in {(who, currency) for who, currency, _, _ in known}:
        own = [(days, net) for who, currency, days, net in known if (who, currency) == key]
        raw[key] = (min(days for days, _ in own), len(own), sum(net for _, net in own))
    expected = set()
    for (who, currency), values in raw.items():
        peers = [other for (_, c), other in raw.items() if c == currency]
        signed = [(-days, orders, net) for days, orders, net in peers]
        own = (-values[0], *values[1:])
        expected.add(
            (who, currency, *values, *(score_of(cuts[i], own[i], [peer[i] for peer in signed]) for i in range(3)))
        )
    orders = pl.LazyFrame(rows, schema=ORDERS, orient="row")
    found = rfm(orders, MONDAY, ZONE, recency=cuts[0], frequency=cuts[1], monetary=cuts[2])
    assert found.collect_schema() == RFM
    assert rows_of(found) == expected
