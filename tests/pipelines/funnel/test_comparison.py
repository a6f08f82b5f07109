from dataclasses import astuple
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, hypergeom

from pipelines.funnel.comparison import Comparison, NoSuchSegment, NotComparable, Rate, compare, compare_segments


def compared(a: int, m: int, b: int, n: int) -> Comparison:
    found = compare(Rate(a, m), Rate(b, n))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_is_that_of_newcombes_table(counts, low, high):
    """Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10."""
    found = compared(*counts)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_lady_who_tasted_tea_may_have_guessed():
    """Fisher, The Design of Experiments (1935), chapter II: 3 of 4 cups on either side, one-sided 17/70, here both."""
    found = compared(3, 4, 1, 4)
    assert (found.test, found.p_value) == ("fisher", pytest.approx(34 / 70))


def test_a_difference_in_large_counts_is_told_from_chance():
    found = compared(200, 1000, 150, 1000)
    assert (found.test, found.is_small, found.p_value < 0.01, found.low > 0) == ("z", False, True, True)


def test_counts_are_small_where_fewer_than_five_are_expected_in_a_cell():
    assert [compared(k, 10, k, 10).is_small for k in (4, 5, 6)] == [True, False, True]


@pytest.mark.parametrize(("first", "second"), [(Rate(0, 0), Rate(1, 2)), (Rate(1, 2), Rate(0, 0))])
def test_nobody_compares_with_nothing(first, second):
    assert compare(first, second) is None


@pytest.mark.parametrize(("converted", "entered"), [(2, 1), (-1, 1)])
def test_more_than_all_or_fewer_than_none_is_no_rate(converted, entered):
    with pytest.raises(ValueError, match="not a rate"):
        Rate(converted, entered)


def rates(most: int) -> st.SearchStrategy[Rate]:
    return st.integers(1, most).flatmap(lambda n: st.integers(0, n).map(lambda k: Rate(k, n)))


@given(rates(400), rates(400))
def test_the_test_of_large_counts_is_the_chi_square_test_of_scipy(first, second):
    found = compare(first, second)
    assert found is not None
    if found.test == "z":
        table = [[rate.converted, rate.entered - rate.converted] for rate in (first, second)]
        expected: Any = chi2_contingency(table, correction=False)
        assert found.p_value == pytest.approx(expected.pvalue)
        assert expected.expected_freq.min() >= 5


@given(rates(12), rates(12))
def test_the_test_of_small_counts_adds_up_all_tables_that_are_no_likelier(first, second):
    found = compare(first, second)
    assert found is not None
    if found.test == "fisher":
        together = first.converted + second.converted
        whole = (first.entered + second.entered, together, first.entered)
        chances = [hypergeom.pmf(k, *whole) for k in range(together + 1)]
        seen = chances[first.converted]
        assert found.p_value == pytest.approx(sum(chance for chance in chances if chance <= seen * (1 + 1e-9)))


@given(rates(400), rates(400))
def test_the_interval_comes_from_the_score_intervals_of_scipy(first, second):
    found = compare(first, second)
    assert found is not None
    one, other = (binomtest(r.converted, r.entered).proportion_ci(0.95, method="wilson") for r in (first, second))
    below = ((first.value - one.low) ** 2 + (other.high - second.value) ** 2) ** 0.5
    above = ((one.high - first.value) ** 2 + (second.value - other.low) ** 2) ** 0.5
    assert (found.low, found.high) == pytest.approx((found.difference - below, found.difference + above), abs=1e-9)


@given(rates(400), rates(400))
def test_two_rates_the_other_way_round_differ_the_other_way_round(first, second):
    there, back = compare(first, second), compare(second, first)
    assert there is not None
    assert back is not None
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    assert back.p_value == pytest.approx(there.p_value)


BREAKDOWN = pl.LazyFrame(
    {
        "touch": ["last_touch"] * 6,
        "segment_kind": ["total", "total", "value", "value", "value", "value"],
        "segment": ["total", "total", "qq:g", "qq:g", "qq:h", "qq:h"],
        "step_number": [1, 2, 1, 2, 1, 2],
        "reached": [60, 30, 40, 24, 20, 6],
    }
)


def test_segments_are_compared_by_the_entries_that_reached_the_step():
    found = compare_segments(BREAKDOWN, "qq:g", "qq:h", 2)
    assert found is not None
    assert astuple(found)[:3] == ((24, 40), (6, 20), pytest.approx(0.3))


@pytest.mark.parametrize(("value", "step"), [("qq:x", 2), ("total", 2), ("qq:g", 3)])
def test_a_segment_or_step_that_is_not_there_is_told(value, step):
    with pytest.raises(NoSuchSegment, match=r"(?s)Segments: qq:g, qq:h"):
        compare_segments(BREAKDOWN, value, "qq:h", step)


def test_segments_that_can_hold_the_same_entry_are_not_compared():
    with pytest.raises(NotComparable, match="another touch"):
        compare_segments(BREAKDOWN.with_columns(touch=pl.lit("all_steps")), "qq:g", "qq:h", 2)
