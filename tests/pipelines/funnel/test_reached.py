import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given

from pipelines.funnel.views import summary
from tests.pipelines.funnel.entries import ABC, Entry, entry, entry_lists, frame_of

DAY = 86_400.0
TIMES = [f"{prefix}{name}_seconds" for prefix in ("", "step_") for name in ("median", "mean", "p90")]


def measured(entries: list[Entry]) -> pl.DataFrame:
    return summary(frame_of(*entries), ABC).collect()


def test_times_are_from_the_entry_and_from_the_step_before():
    third = measured([entry(0, 1, 3), entry(0, 2, 9, person="q")]).row(2, named=True)
    assert (third["median_seconds"], third["step_median_seconds"]) == (6 * DAY, 4.5 * DAY)


def test_the_first_step_has_no_step_before_it():
    first = measured([entry(0, 1)]).row(0, named=True)
    assert (first["median_seconds"], first["step_median_seconds"]) == (0, None)


def test_a_person_who_entered_twice_is_two_entries():
    assert measured([entry(0, 1), entry(20)])["reached"].to_list() == [2, 1, 0]


def test_times_of_entries_whose_window_is_open_are_left_out():
    assert measured([entry(0, 1), entry(0, 9, mature=False)])["mean_seconds"].to_list() == [0, DAY, None]


def test_entries_of_another_funnel_are_not_counted():
    assert measured([entry(0) | {"funnel": "other"}])["reached"].to_list() == [0, 0, 0]


def _seconds(entries: list[Entry], step: int, since: int) -> list[float]:
    reached = [e["matches"] for e in entries if e["is_mature"] and len(e["matches"]) > step]
    return [(m[step]["time"] - m[since]["time"]) / dt.timedelta(seconds=1) for m in reached]


@given(entry_lists())
def test_counts_rates_and_times_are_those_that_reading_entry_by_entry_gives(entries):
    mature = [len(e["matches"]) for e in entries if e["is_mature"]]
    immature = [len(e["matches"]) for e in entries if not e["is_mature"]]
    reached = [sum(n > step for n in mature) for step in range(3)]
    for step, row in enumerate(measured(entries).iter_rows(named=True)):
        before = max(step - 1, 0)
        assert row["reached"] == reached[step]
        assert row["reached_immature"] == sum(n > step for n in immature)
        assert row["rate_overall"] == (reached[step] / reached[0] if reached[0] else None)
        assert row["rate_step"] == (reached[step] / reached[before] if reached[before] else None)
        since_entry, since_before = _seconds(entries, step, 0), _seconds(entries, step, before) if step else []
        expected = [
            measure(seconds) if seconds else None
            for seconds in (since_entry, since_before)
            for measure in (np.median, np.mean, lambda seconds: np.quantile(seconds, 0.9))
        ]
        assert [row[name] for name in TIMES] == pytest.approx(expected)
