import datetime as dt
import math
import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from pipelines.funnel.curve import PARTS, curve, kaplan_meier
from pipelines.funnel.reached import reached_steps
from tests.pipelines.funnel.entries import ABC, WINDOW, Entry, entry, entry_lists, frame_of
from tests.pipelines.funnel.samples import at

DAY = 86_400.0
PART = WINDOW / PARTS


def estimated(ended: list[int], censored: list[int]) -> pl.DataFrame:
    rows = {"duration": ended + censored, "is_converted": [True] * len(ended) + [False] * len(censored)}
    return kaplan_meier(pl.LazyFrame(rows, schema={"duration": pl.Int64, "is_converted": pl.Boolean})).collect()


def drawn(entries: list[Entry], watermark: dt.datetime, step: int = 2) -> pl.DataFrame:
    return curve(reached_steps(frame_of(*entries)), ABC, watermark).collect().filter(step_number=step)


def at_day(table: pl.DataFrame, days: float) -> dict[str, float]:
    return table.row(by_predicate=pl.col("seconds") == days * DAY, named=True)


def test_the_estimate_is_that_of_the_textbooks():
    """Weeks in remission under 6-MP: Freireich et al., Blood 21 (1963) 699, worked through in Cox & Oakes, Analysis of
    Survival Data (1984), and in Kleinbaum & Klein, Survival Analysis, whose table of survivals this is."""
    relapsed, remained = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    table = estimated(relapsed, remained).filter(pl.col("duration").is_in(relapsed))
    assert table["at_risk"].to_list() == [21, 17, 15, 12, 11, 7, 6]
    assert (1 - table["conversion"]).to_list() == pytest.approx(
        [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.lists(st.integers(1, 9), max_size=12))
def test_estimate_and_interval_are_those_of_scipy(ended, censored):
    table = estimated(ended, censored).filter(pl.col("conversion") > 0)
    found = ecdf(CensoredData(ended, right=censored)).cdf
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        interval = found.confidence_interval(0.95, method="log-log")
    assert table["conversion"].to_list() == pytest.approx(found.evaluate(table["duration"].to_numpy()))
    open_ended = table["conversion"] == 1
    for name, bound in (("conversion_low", interval.low), ("conversion_high", interval.high)):
        some = table.filter(~open_ended)
        assert some[name].to_list() == pytest.approx(bound.evaluate(some["duration"].to_numpy()))
        assert table.filter(open_ended)[name].null_count() == open_ended.sum()


@given(st.lists(st.integers(1, 9), max_size=12), st.lists(st.integers(1, 9), max_size=12))
def test_the_estimate_is_the_product_of_those_who_stayed_of_those_at_risk(ended, censored):
    everybody = ended + censored
    for row in estimated(ended, censored).iter_rows(named=True):
        then = row["duration"]
        stayed = math.prod(
            1 - ended.count(time) / sum(duration >= time for duration in everybody)
            for time in {time for time in ended if time <= then}
        )
        assert row["conversion"] == pytest.approx(1 - stayed)
        assert row["at_risk"] == sum(duration >= then for duration in everybody)
        assert row["converted"] == sum(time <= then for time in ended)


def test_a_fresh_entry_counts_for_as_long_as_it_is_observed():
    table = drawn([entry(0, 1), entry(0), entry(7)], watermark=at(10))
    assert [at_day(table, days)["at_risk"] for days in (0, 1, 2, 5)] == [3, 3, 2, 1]
    assert at_day(table, 1)["conversion"] == pytest.approx(1 / 3)


def test_the_curve_ends_with_what_was_observed_longest():
    assert drawn([entry(7)], watermark=at(10))["seconds"].max() == 3 * DAY
    assert drawn([entry(0, 1)], watermark=at(40))["seconds"].max() == 1 * DAY


def test_what_was_reached_after_the_watermark_does_not_count_yet():
    table = drawn([entry(0, 3), entry(0, 1)], watermark=at(2))
    assert table["converted"].max() == 1


def test_an_entry_after_the_watermark_is_not_in_the_curve():
    assert drawn([entry(0, 1), entry(3)], watermark=at(2))["at_risk"].max() == 1


def test_nobody_has_no_curve():
    assert drawn([], watermark=at(2)).is_empty()


def test_a_curve_of_mature_entries_ends_at_the_rate_of_the_summary():
    table = drawn([entry(0, 1), entry(0, 9.5), entry(1), entry(2)], watermark=at(40))
    assert at_day(table, 10)["conversion"] == pytest.approx(2 / 4)


@given(entry_lists(), st.sampled_from([0, 1, 7.5, 31, 60]))
def test_every_point_is_what_reading_entry_by_entry_gives(entries, days):
    watermark = at(days)
    for step in (2, 3):
        histories = []
        for e in entries:
            seen = min(watermark - e["entered_at"], WINDOW)
            waited = e["matches"][step - 1]["time"] - e["entered_at"] if len(e["matches"]) >= step else None
            if seen >= dt.timedelta(0):
                is_converted = waited is not None and waited <= seen
                histories.append((waited if is_converted else seen, is_converted))
        table = drawn(entries, watermark, step)
        points = [PART * part for part in range(PARTS + 1)]
        observed = [point for point in points if any(duration >= point for duration, _ in histories)]
        assert table["seconds"].to_list() == pytest.approx([point.total_seconds() for point in observed])
        for point, row in zip(observed, table.iter_rows(named=True), strict=True):
            assert row["at_risk"] == sum(duration >= point for duration, _ in histories)
            assert row["converted"] == sum(duration <= point for duration, is_converted in histories if is_converted)
            times = {duration for duration, is_converted in histories if is_converted and duration <= point}
            stayed = math.prod(
                1 - histories.count((time, True)) / sum(duration >= time for duration, _ in histories) for time in times
            )
            assert row["conversion"] == pytest.approx(1 - stayed)
