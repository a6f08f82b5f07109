"""How few write half of the messages, day by day."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.concentration import half_writers

Day = dict[int, int]
"""Messages of each writer."""


def found(days: list[Day], window: int) -> list[int]:
    return found_of([days], window)[0]


def found_of(groups: list[list[Day]], window: int) -> list[list[int]]:
    """By group and day, from rows in the order of the writers."""
    bounds = np.cumsum([0, *map(len, groups)])
    rows = sorted(
        (writer, bounds[group] + number, messages)
        for group, days in enumerate(groups)
        for number, each in enumerate(days)
        for writer, messages in each.items()
    )
    writer, day, messages = (np.array([row[part] for row in rows]) for part in range(3))
    numbers = half_writers(
        bounds, day.astype(np.int32), writer.astype(np.uint32), messages.astype(np.int32), window
    ).tolist()
    return [numbers[begin:end] for begin, end in pairwise(bounds)]


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


DAYS = st.lists(
    st.dictionaries(st.integers(0, 5), st.one_of(st.integers(1, 9), st.integers(90, 300)), max_size=4), max_size=12
)


@given(st.lists(DAYS, max_size=3), st.integers(1, 5))
def test_a_sliding_window_equals_counting_each_anew_in_each_group(groups: list[list[Day]], window: int):
    assert found_of(groups, window) == [
        [fewest(days[max(0, day - window + 1) : day + 1]) for day in range(len(days))] for days in groups
    ]
