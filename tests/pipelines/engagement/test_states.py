"""Members are newly active, active, paused, disengaged, returned or lurking, and some are more than that."""

import datetime as dt
from itertools import combinations
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.connections import connected
from pipelines.engagement.person_day import person_day
from pipelines.engagement.states import group_engagement, member_state
from schemas.lake import IDENTITY, MEMBER_STATE
from tests.examples import examples
from tests.pipelines.engagement import states_oracle as oracle
from tests.pipelines.engagement.frames import MONDAY, Row, at, complete, events, rows_of

DAY = MONDAY
FLAGS = ("is_consistent", "is_vital", "is_still_active", "is_dropped", "is_about_to_disengage")


def ago(days: float) -> dt.datetime:
    """Noon so many days before the day that is judged."""
    return at(f"{DAY} 12:00") - dt.timedelta(days=days)


def spoke(*days: float, account: str = "ann", **said) -> list[Row]:
    return [{"account_id": account, "time": ago(day), **said} for day in days]


def judged(*rows: Row, day: dt.date | None = DAY) -> pl.LazyFrame:
    connections = connected(events(*rows).drop("person_id"), pl.LazyFrame(schema=IDENTITY.schema), day)
    return member_state(events(*rows), person_day(events(*rows)), connections, day)


def of_ann(*rows: Row) -> tuple[str, set[str]]:
    """Ann's state and the flags that hold."""
    [found] = judged(*rows).filter(pl.col("person_id") == "ann").collect().rows(named=True)
    return found["state"], {flag for flag in FLAGS if found[flag]}


@pytest.mark.parametrize(
    ("days", "state", "flags"),
    [
        ((0,), "newly_active", set()),
        ((6,), "newly_active", set()),
        ((7,), "paused", {"is_dropped", "is_about_to_disengage"}),
        ((13,), "paused", {"is_dropped", "is_about_to_disengage"}),
        ((14,), "disengaged", set()),
        ((0, 7), "active", set()),
        ((0, 14), "active", set()),
        ((0, 21), "returned", set()),
        ((0, 7, 14), "active", {"is_consistent", "is_still_active"}),
        ((0, 7, 14, 28), "active", {"is_consistent"}),
        ((0, 7, 21), "active", {"is_consistent"}),
        ((7, 14, 21), "paused", {"is_consistent"}),
        ((7, 14, 28), "paused", {"is_about_to_disengage"}),
        ((400,), "disengaged", set()),
    ],
)
def test_the_days_of_activity_make_the_state(days: tuple[int, ...], state: str, flags: set[str]):
    assert of_ann(*spoke(*days)) == (state, flags)


def test_what_happens_after_the_day_is_not_known():
    assert of_ann(*spoke(14, -1)) == ("disengaged", set())


def test_receiving_a_reply_is_no_activity():
    ann, bob = spoke(14, message_id="m"), spoke(0, account="bob", reply_to="m")
    assert of_ann(*ann, *bob) == ("disengaged", set())


def test_who_joined_and_never_spoke_lurks_until_leaving():
    joined = spoke(30, type="member.joined")
    left = spoke(3, type="member.left", role=None)
    assert of_ann(*joined) == ("lurker", set())
    assert judged(*joined, *left).collect().is_empty()
    assert of_ann(*joined, *left, *spoke(1, type="member.joined")) == ("lurker", set())


def test_operators_neither_lurk_nor_engage():
    rows = [*spoke(30, type="member.joined", role="operator"), *spoke(0, role="operator")]
    assert judged(*rows).collect().is_empty()


def circle(*windows: int, members: int = 6, answers: int = 5, late: float = 0) -> list[Row]:
    """Everybody answers everybody else so often in each of these windows."""
    rows = []
    for window in windows:
        for one, other in combinations(["ann", *(f"m{number}" for number in range(1, members))], 2):
            rows += spoke(7 * window + 1 + late, account=one, message_id=f"{one}-{other}-{window}")
            for _ in range(answers):
                rows += spoke(7 * window + 1, account=other, reply_to=f"{one}-{other}-{window}")
    return rows


@pytest.mark.parametrize(
    ("rows", "is_vital"),
    [
        (circle(0, 1, 2), True),
        (circle(1, 2, 3), True),
        (circle(0, 1), False),
        (circle(0, 1, 4), False),
        (circle(0, 1, 2, members=5), False),
        (circle(0, 1, 2, answers=4), False),
    ],
)
def test_who_is_connected_in_three_of_four_windows_is_vital(rows: list[Row], is_vital: bool):
    _, flags = of_ann(*rows, *spoke(1, 8, 15, 22))
    assert ("is_vital" in flags) == is_vital


def test_answers_to_messages_older_than_four_weeks_connect_nobody():
    _, young = of_ann(*circle(0, 1, 2, late=28), *spoke(1, 8, 15))
    _, old = of_ann(*circle(0, 1, 2, late=28.01), *spoke(1, 8, 15))
    assert ("is_vital" in young, "is_vital" in old) == (True, False)


def test_an_answer_of_the_first_day_connects_with_a_message_before_a_day_of_23_hours():
    berlin = ZoneInfo("Europe/Berlin")
    written, answered = (dt.datetime(2025, *date, tzinfo=berlin) for date in ((3, 9, 23, 30), (4, 7, 0, 15)))
    rows: list[Row] = [
        {"account_id": account, "time": time.astimezone(dt.UTC), "day": time.date(), **said}
        for account, time, said in [
            ("ann", written, {"message_id": "m"}),
            *(("abcde"[number % 5], answered, {"reply_to": "m"}) for number in range(25)),
        ]
    ]
    found = connected(events(*rows).drop("person_id"), pl.LazyFrame(schema=IDENTITY.schema), dt.date(2025, 5, 4))
    assert rows_of(found, "person_id", "connected_3") == {("ann", True)}


def answered(*windows: int) -> list[Row]:
    """Ann wrote in window 3, and five members answer that message five times in each window."""
    answers = [spoke(7 * window + 1, account=f"m{other}", reply_to="m") for window in windows for other in range(5)]
    return spoke(22, message_id="m") + [row for rows in answers for row in rows * 5]


def test_who_is_answered_and_silent_is_not_connected():
    _, silent = of_ann(*answered(0, 1, 2))
    _, active = of_ann(*answered(0, 1, 2), *spoke(1, 8, 15))
    assert ("is_vital" in silent, "is_vital" in active) == (False, True)


def test_each_group_counts_its_members_by_state():
    rows = [*spoke(0), *spoke(7, account="bob"), *spoke(0, account="cem", group_id="app:h")]
    rows += spoke(9, account="dan", type="member.joined")
    counts = group_engagement(judged(*rows))
    columns = ("group_id", "newly_active", "paused", "lurker", "dropped", "active")
    assert rows_of(counts, *columns) == {("app:g", 1, 1, 1, 1, 0), ("app:h", 1, 0, 0, 0, 0)}


def test_without_a_complete_day_nobody_is_judged():
    found = judged(*spoke(0), day=None).collect()
    assert (found.height, found.schema) == (0, MEMBER_STATE.schema)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Some months of three members at noon, whose messages, answers and times collide."""
    row: st.SearchStrategy[Row] = st.fixed_dictionaries(
        {
            "type": st.sampled_from(["message.sent"] * 3 + ["reaction.added", "member.joined", "member.left"]),
            "role": st.sampled_from(["member", "member", "member", "operator"]),
            "group_id": st.sampled_from(["app:g", "app:h"]),
            "account_id": st.sampled_from(["ann", "bob", "cem"]),
            "message_id": st.sampled_from(["m1", "m2", "m3"]),
            "reply_to": st.sampled_from([None, "m1", "m2"]),
            "time": st.integers(-1, 60).map(ago),
        }
    )
    return draw(st.lists(row, max_size=30))


@examples(150)
@given(rows=histories())
def test_states_equal_the_oracle(rows: list[Row]):
    whole = complete(rows)
    assert rows_of(judged(*rows)) == oracle.member_state(whole, DAY)


@examples(25)
@given(data=st.data())
def test_connections_equal_the_oracle(data: st.DataObject):
    rows = circle(0, 1, 2, 3, members=7)
    kept = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=12, unique=True))
    moved = data.draw(st.lists(st.tuples(st.integers(0, len(rows) - 1), st.integers(-9, 40)), max_size=8))
    for number, days in moved:
        rows[number] = {**rows[number], "time": rows[number]["time"] - dt.timedelta(days=days)}
    rows = [row for number, row in enumerate(rows) if number not in kept]
    assert rows_of(judged(*rows)) == oracle.member_state(complete(rows), DAY)
