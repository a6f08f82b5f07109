"""Features equal a count by hand, and nothing that happens later changes them."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.risk.features import LEAST_MESSAGES, history, risk_features, waits, with_messages
from pipelines.groups.risk.measured import FEATURES
from tests.examples import examples
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


@examples(40)
@given(history=histories(), through=st.integers(20, SPAN), shuffled=st.randoms())
def test_features_are_those_counted_by_hand(history: list[Active], through: int, shuffled):
    expected = measured(history, through)
    shuffled.shuffle(history)
    found = risk_features(frame(history), FIRST + through * A_DAY).collect()
    assert set(found.select("group_id", "day").rows()) == set(expected)
    for group, day, *values in found.rows():
        assert dict(zip(FEATURES, values, strict=True)) == pytest.approx(expected[group, day]), (group, day)


@examples(30)
@given(history=histories(), later=histories(), now=st.integers(30, 200))
def test_what_happens_later_changes_no_feature_of_a_day(history: list[Active], later: list[Active], now: int):
    past = [row for row in history if row.day <= now]
    future = [row._replace(day=row.day + now + 1) for row in later]
    day = FIRST + now * A_DAY
    known = risk_features(frame(past), day).collect()
    seen_from_later = risk_features(frame([*past, *future]), THROUGH + SPAN * A_DAY).filter(pl.col("day") <= day)
    groups_known = {row.group for row in past}
    assert seen_from_later.filter(pl.col("group_id").is_in(groups_known)).collect().equals(known)


@examples(20)
@given(history=histories(), every=st.integers(2, 9))
def test_a_coarser_grid_has_some_of_the_days_and_the_same_values(history: list[Active], every: int):
    fine, coarse = (risk_features(frame(history), THROUGH, step).collect() for step in (1, every))
    kept = fine.filter((pl.col("age").cast(pl.Int64) - 28) % every == 0)
    assert coarse.equals(kept)


@examples(20)
@given(history=histories(), since=st.integers(0, SPAN), every=st.integers(1, 9))
def test_a_later_first_day_leaves_days_out_and_changes_none(history: list[Active], since: int, every: int):
    opens = FIRST + since * A_DAY
    all_days = risk_features(frame(history), THROUGH, every).collect()
    assert (
        risk_features(frame(history), THROUGH, every, opens).collect().equals(all_days.filter(pl.col("day") >= opens))
    )


def dead_days(active: list[int], day: int, through: int) -> int | None:
    """Days until 28 quiet ones in a row, all after the day, are over."""
    return next(
        (end - day for end in range(day + 28, through + 1) if not any(end - 27 <= one <= end for one in active)),
        None,
    )


@examples(30)
@given(history=histories(), through=st.integers(30, SPAN))
def test_waits_end_with_the_next_active_day_and_deaths_with_28_quiet_days(history: list[Active], through: int):
    last = FIRST + through * A_DAY
    rows = waits(frame(history), risk_features(frame(history), last), last).collect()
    columns = ("group_id", "day", "wait_days", "dead_days", "known_days")
    for group, day, wait, dead, known in rows.select(columns).rows():
        number = (day - FIRST).days
        later = [row.day for row in history if row.group == group and number < row.day <= through]
        assert wait == (min(later) - number if later else None)
        assert dead == dead_days(later, number, through)
        assert known == through - number


@examples(20)
@given(history=histories(), through=st.integers(30, SPAN))
def test_messages_are_counted_in_windows_that_end_with_the_day(history: list[Active], through: int):
    last = FIRST + through * A_DAY
    rows = with_messages(frame(history), risk_features(frame(history), last)).collect()
    columns = ("group_id", "day", "messages_so_far", "messages_28d", "messages_28d_before")
    for group, day, *counted in rows.select(columns).rows():
        number = (day - FIRST).days
        said = [(row.day, row.messages + row.reactions) for row in history if row.group == group and row.day <= number]
        assert counted == [
            sum(count for _, count in said),
            sum(count for one, count in said if one > number - 28),
            sum(count for one, count in said if number - 56 < one <= number - 28),
        ]


def test_groups_of_few_messages_have_no_history():
    few = [Active("qq:1", "a", day, 1, 0, 0, 10) for day in range(LEAST_MESSAGES)]
    last = FIRST + 50 * A_DAY
    assert history(frame(few), last).height > 0
    assert history(frame(few[1:]), last).is_empty()


def test_a_history_without_rows_has_no_features():
    assert risk_features(frame([]), dt.date(2025, 1, 1)).collect().height == 0
    assert history(frame([]), dt.date(2025, 1, 1)).height == 0
