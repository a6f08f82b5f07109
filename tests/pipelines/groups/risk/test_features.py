"""Features equal a count by hand, and nothing that happens later changes them."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.groups.risk.features import messages_before, risk_features, waits
from pipelines.groups.risk.walk import FEATURES
from tests.pipelines.groups.risk.oracle import A_DAY, FIRST, Active, frame, measured

SPAN = 420
THROUGH = FIRST + SPAN * A_DAY


@st.composite
def histories(draw: st.DrawFn) -> list[Active]:
    """Bursts and pauses of up to five persons in two groups."""
    rows = {}
    for group in ("qq:1", "qq:2"):
        day = draw(st.integers(0, 40))
        for _ in range(draw(st.integers(0, 25))):
            for person in draw(st.sets(st.sampled_from("abcde"), min_size=1, max_size=3)):
                first, last = sorted(draw(st.tuples(st.integers(0, 1439), st.integers(0, 1439))))
                count = draw(st.integers(1, 30))
                reactions = draw(st.integers(0, 1))
                rows[group, person, day] = Active(group, person, day, count - reactions, reactions, first, last)
            day += draw(st.sampled_from((1, 1, 2, 5, 20, 29, 70)))
    return list(rows.values())


@settings(deadline=None, max_examples=40)
@given(history=histories(), through=st.integers(20, SPAN), shuffled=st.randoms())
def test_features_are_those_counted_by_hand(history: list[Active], through: int, shuffled):
    expected = measured(history, through)
    shuffled.shuffle(history)
    found = risk_features(frame(history), FIRST + through * A_DAY).collect()
    assert set(found.select("group_id", "day").rows()) == set(expected)
    for group, day, *values in found.rows():
        assert dict(zip(FEATURES, values, strict=True)) == pytest.approx(expected[group, day]), (group, day)


@settings(deadline=None, max_examples=30)
@given(history=histories(), later=histories(), now=st.integers(30, 200))
def test_what_happens_later_changes_no_feature_of_a_day(history: list[Active], later: list[Active], now: int):
    past = [row for row in history if row.day <= now]
    future = [row._replace(day=row.day + now + 1) for row in later]
    day = FIRST + now * A_DAY
    known = risk_features(frame(past), day).collect()
    seen_from_later = risk_features(frame([*past, *future]), THROUGH + SPAN * A_DAY).filter(pl.col("day") <= day)
    groups_known = {row.group for row in past}
    assert seen_from_later.filter(pl.col("group_id").is_in(groups_known)).collect().equals(known)


@settings(deadline=None, max_examples=20)
@given(history=histories(), every=st.integers(2, 9))
def test_a_coarser_grid_has_some_of_the_days_and_the_same_values(history: list[Active], every: int):
    fine, coarse = (risk_features(frame(history), THROUGH, step).collect() for step in (1, every))
    kept = fine.filter((pl.col("age").cast(pl.Int64) - 28) % every == 0)
    assert coarse.equals(kept)


@settings(deadline=None, max_examples=30)
@given(history=histories(), through=st.integers(30, SPAN))
def test_waits_end_with_the_next_active_day_that_is_known(history: list[Active], through: int):
    last = FIRST + through * A_DAY
    rows = waits(frame(history), risk_features(frame(history), last), last).collect()
    for group, day, wait, known in rows.select("group_id", "day", "wait_days", "known_days").rows():
        number = (day - FIRST).days
        later = [row.day for row in history if row.group == group and number < row.day <= through]
        assert wait == (min(later) - number if later else None)
        assert known == through - number


def test_messages_before_counts_the_days_up_to_the_row_and_no_others():
    history = [Active("qq:1", "a", day, 2, 1, 0, 10) for day in (0, 1, 27, 28, 29, 40)]
    rows = pl.LazyFrame({"group_id": ["qq:1"] * 3, "day": [FIRST + day * A_DAY for day in (28, 29, 60)]})
    counted = messages_before(frame(history), rows, 28).collect()
    assert counted.rows() == [
        ("qq:1", FIRST + 28 * A_DAY, 9),
        ("qq:1", FIRST + 29 * A_DAY, 9),
        ("qq:1", FIRST + 60 * A_DAY, 3),
    ]


def test_a_history_without_rows_has_no_features():
    assert risk_features(frame([]), dt.date(2025, 1, 1)).collect().height == 0
