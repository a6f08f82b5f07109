"""How few write half of the messages, day by day."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.concentration import half_writers, with_half_writers
from pipelines.groups.life import LIVING, MONTH
from schemas.lake import GROUP_HEALTH, GROUP_STATES, PERSON_DAY
from tests.pipelines.engagement.frames import MONDAY

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


FIRST_DAYS = {"g": 0, "h": 20}
"""Of the two groups, counted from Monday."""
N_DAYS = 90
WRITTEN = st.dictionaries(
    st.tuples(st.sampled_from(sorted(FIRST_DAYS)), st.integers(0, N_DAYS + 3), st.sampled_from("abcd")),
    st.integers(0, 5),
    max_size=60,
)
"""Messages by group, day and writer: also before the group's first day and after the last complete one."""
STATES = st.lists(st.sampled_from(GROUP_STATES), min_size=1, max_size=7)
"""The states of days in a row, over and over."""
Written = dict[tuple[str, int, str], int]
NOTHING = pl.DataFrame(schema=GROUP_HEALTH.schema)


def days_of(states: list[str]) -> pl.DataFrame:
    rows = [
        {"group_id": group, "day": MONDAY + day * dt.timedelta(days=1), "state": states[day % len(states)]}
        for group, first in FIRST_DAYS.items()
        for day in range(first, N_DAYS)
    ]
    return pl.DataFrame(rows)


def person_days(written: Written) -> pl.LazyFrame:
    rows: list[dict[str, Any]] = [
        {"group_id": group, "day": MONDAY + day * dt.timedelta(days=1), "person_id": person, "messages": messages}
        for (group, day, person), messages in written.items()
    ]
    return pl.LazyFrame(rows, schema=PERSON_DAY.schema).with_columns(month=pl.col("day").dt.month_start())


def expected(written: Written, states: list[str]) -> list[tuple[int | None, int | None]]:
    """The numbers of each day, by counting the writers of each month anew."""
    numbers = []
    for group, first in FIRST_DAYS.items():
        writers: list[Day] = [
            {ord(who): n for (where, when, who), n in written.items() if (where, when) == (group, day)}
            for day in range(first, N_DAYS)
        ]
        months = [fewest(writers[max(0, end - MONTH) : end]) for end in range(1, len(writers) + 1)]
        for number, half in enumerate(months):
            before = months[number - MONTH] if number >= MONTH else 0
            is_living = states[(first + number) % len(states)] in LIVING
            numbers.append((half, before) if is_living else (None, None))
    return numbers


def numbers_of(days: pl.DataFrame) -> list[tuple[int | None, int | None]]:
    return days.select("half_writers_28d", "half_writers_before").rows()


@given(WRITTEN, STATES)
def test_a_living_group_has_the_numbers_of_the_month_and_of_the_month_before(written: Written, states: list[str]):
    found = with_half_writers(days_of(states), person_days(written), NOTHING)
    assert numbers_of(found) == expected(written, states)


@given(WRITTEN, WRITTEN, st.integers(0, N_DAYS), STATES, STATES)
def test_what_is_known_before_a_change_need_not_be_counted_again(
    written: Written, later: Written, since: int, states: list[str], states_now: list[str]
):
    before = with_half_writers(days_of(states), person_days(written), NOTHING)
    is_known = (pl.col("day") < MONDAY + since * dt.timedelta(days=1)) & pl.col("state").is_in(LIVING)
    changed = {key: n for key, n in written.items() if key[1] < since} | {
        key: n for key, n in later.items() if key[1] >= since
    }
    found = with_half_writers(days_of(states_now), person_days(changed), before.filter(is_known))
    assert numbers_of(found) == expected(changed, states_now)


@given(WRITTEN, WRITTEN, st.integers(0, N_DAYS - 1))
def test_only_a_month_of_writers_is_read_where_the_month_before_is_known(written: Written, lost: Written, since: int):
    states, first = ["alive"], since - MONTH + 1
    days = days_of(states)
    known = with_half_writers(days, person_days(written), NOTHING).filter(
        pl.col("day") < MONDAY + since * dt.timedelta(days=1)
    )
    other = {key: n for key, n in written.items() if key[1] >= first} | {
        key: n for key, n in lost.items() if key[1] < first
    }
    assert numbers_of(with_half_writers(days, person_days(other), known)) == expected(written, states)


@given(WRITTEN, st.sampled_from(list(FIRST_DAYS)))
def test_what_is_known_of_one_group_says_nothing_of_another(written: Written, group: str):
    days = days_of(["alive"])
    known = with_half_writers(days, person_days(written), NOTHING).filter(group_id=group)
    assert numbers_of(with_half_writers(days, person_days(written), known)) == expected(written, ["alive"])


def test_where_all_is_known_nothing_is_read():
    days = days_of(["alive"])
    known = with_half_writers(days, person_days({("g", 3, "a"): 1}), NOTHING)
    unreadable = pl.LazyFrame(schema=PERSON_DAY.schema).map_batches(lambda _: pytest.fail("it was read"))
    assert numbers_of(with_half_writers(days, unreadable, known)) == numbers_of(known)
