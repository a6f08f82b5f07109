import datetime as dt
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given

from pipelines.funnel.reached import reached_steps
from pipelines.funnel.time_to_convert import BIN_STARTS, time_to_convert
from pipelines.funnel.views import summary
from tests.pipelines.funnel.entries import ABC, WINDOW, Entry, entry, entry_lists, frame_of

MINUTE = 1 / 1440
BINS = [start for start in BIN_STARTS if start < WINDOW.total_seconds()]


def counted(entries: list[Entry], step: int = 2, since: str = "entry") -> dict[int, int]:
    """Where anybody is: the start of the bin and how many."""
    table = time_to_convert(reached_steps(frame_of(*entries)), ABC).collect().filter(step_number=step, since=since)
    return {row["from_seconds"]: row["reached"] for row in table.iter_rows(named=True) if row["reached"]}


@pytest.mark.parametrize(("wait", "start"), [(0, 0), (0.5 * MINUTE, 0), (MINUTE, 60), (5 * MINUTE, 300), (1, 86_400)])
def test_a_bin_holds_its_start_and_not_its_end(wait, start):
    assert counted([entry(0, wait)]) == {start: 1}


def test_a_step_at_the_end_of_the_window_is_in_the_last_bin():
    assert counted([entry(0, 10)]) == {BINS[-1]: 1}


def test_a_window_shorter_than_the_first_bin_is_one_bin():
    short = replace(ABC, window=dt.timedelta(seconds=30))
    table = time_to_convert(reached_steps(frame_of(entry(0, 0))), short).collect().filter(step_number=2, since="entry")
    assert table.select("from_seconds", "until_seconds", "reached").rows() == [(0, 30, 1)]


def test_the_step_before_is_what_the_second_histogram_starts_from():
    twice = [entry(0, 1, 3.5)]
    assert (counted(twice, 3), counted(twice, 3, "step_before")) == ({3 * 86_400: 1}, {2 * 86_400: 1})


def test_entries_whose_window_is_open_are_left_out():
    assert counted([entry(0, 1, mature=False)]) == {}


def test_steps_that_nobody_reached_have_bins_of_nobody():
    table = time_to_convert(reached_steps(frame_of()), ABC).collect()
    assert table["reached"].to_list() == [0] * (2 * 2 * len(BINS))


@given(entry_lists())
def test_bins_count_what_reading_entry_by_entry_gives_and_sum_to_the_summary(entries):
    mature = [e["matches"] for e in entries if e["is_mature"]]
    for step in (2, 3):
        for since, start in (("entry", 0), ("step_before", step - 2)):
            seconds = [(m[step - 1]["time"] - m[start]["time"]).total_seconds() for m in mature if len(m) >= step]
            expected = Counter(max(start for start in BINS if start <= waited) for waited in seconds)
            assert counted(entries, step, since) == expected
            assert sum(expected.values()) == summary(frame_of(*entries), ABC).collect()["reached"][step - 1]
