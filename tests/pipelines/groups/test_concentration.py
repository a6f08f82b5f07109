"""How few write half of the messages, day by day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.concentration import half_writers

Day = dict[int, int]
"""Messages of each writer."""


def found(days: list[Day], window: int) -> list[int]:
    rows = [(writer, messages) for each in days for writer, messages in each.items()]
    starts = np.cumsum([0, *map(len, days)])
    writer, messages = (np.array([row[part] for row in rows], np.int64) for part in (0, 1))
    return half_writers(starts, writer, messages, window).tolist()


@pytest.mark.parametrize(
    ("day", "fewest"),
    [
        ({}, 0),
        ({0: 1}, 1),
        ({0: 5, 1: 5}, 1),
        ({0: 4, 1: 3, 2: 3}, 2),
        ({0: 1, 1: 1, 2: 1}, 2),
        ({0: 9, 1: 1, 2: 1}, 1),
    ],
    ids=str,
)
def test_the_fewest_members_who_wrote_half(day: Day, fewest: int):
    assert found([day], 1) == [fewest]


def fewest(days: list[Day]) -> int:
    """By trying out ever more of the busiest writers."""
    totals: Day = {}
    for each in days:
        for writer, messages in each.items():
            totals[writer] = totals.get(writer, 0) + messages
    busiest = sorted(totals.values(), reverse=True)
    return next(number for number in range(len(busiest) + 1) if 2 * sum(busiest[:number]) >= sum(busiest))


@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(1, 9), max_size=4), max_size=12), st.integers(1, 5))
def test_a_sliding_window_equals_counting_each_anew(days: list[Day], window: int):
    assert found(days, window) == [fewest(days[max(0, day - window + 1) : day + 1]) for day in range(len(days))]
