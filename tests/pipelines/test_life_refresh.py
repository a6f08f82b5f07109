"""Late events change the lives of groups from their day on; what was told of the days before is taken over."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.person_day import person_day
from pipelines.groups.group_day import group_day
from pipelines.lake import Lake
from pipelines.refresh import life as life_module
from pipelines.refresh import (
    refresh_days,
    refresh_feed_days,
    refresh_first_seen,
    refresh_groups,
    refresh_identity,
    refresh_life,
)
from schemas import kinds
from schemas.lake import GROUP_DAY, GROUP_HEALTH, GROUP_STATE, PERSON_DAY
from tests.examples import examples
from tests.pipelines.canonical import NOON, Event
from tests.pipelines.test_incremental import DAY, LIFE, Company, happened, said

N_DAYS = 100
ACCOUNTS = ("app:a", "app:b", "app:c", "app:d")
GROUPS = ("app:g", "app:h")


class Lives(Company):
    """A company of which only the lives of groups matter."""

    def catch_up(self, rules: int = 1, *, is_first_seen: bool = True) -> None:
        refresh_identity(self.lake)
        refresh_days(self.lake, PERSON_DAY, person_day)
        refresh_days(self.lake, GROUP_DAY, group_day)
        if is_first_seen:
            refresh_first_seen(self.lake)
        refresh_groups(self.lake)
        refresh_feed_days(self.lake)
        self.refreshed = refresh_life(self.lake, self.through(), "Asia/Shanghai", LIFE, rules)

    def assert_caught_up(self) -> None:
        for table in (GROUP_HEALTH, GROUP_STATE):
            assert self.stored(table).equals(self.computed(table), null_equal=True), table.name


def talk(day: int, group: str, members: tuple[str, ...]) -> list[Event]:
    """What members write on a day; who of them writes most changes from week to week."""
    return [
        said(name, day, 10 * number + again, group)
        for number, name in enumerate(members)
        for again in range(1 + (day // 7 + number) % 3)
    ]


HISTORY = [
    event
    for group, least in zip(GROUPS, (1, 40), strict=True)
    for day in range(N_DAYS, least, -2)
    for event in talk(day, group, ACCOUNTS[: 2 + day // 7 % 3])
]
"""Two groups, one of which has been dead for a while."""


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    found = Lives(Lake(str(tmp_path)))
    found.send(*HISTORY, said("app:a"))
    found.catch_up()
    found.assert_caught_up()
    return found


@st.composite
def changes(draw: st.DrawFn) -> list[Event]:
    """Messages of any day, persons who turn out to be the same, groups that end or were to end."""
    day, group = draw(st.integers(0, N_DAYS + 9)), draw(st.sampled_from(GROUPS))
    account, other = draw(st.permutations(ACCOUNTS))[:2]
    kind = draw(st.sampled_from(["message", "message", "talk", "link", "close", "plan"]))
    if kind == "message":
        return [said(account, day, draw(st.integers(60, 70)), group)]
    if kind == "talk":
        return talk(day, group, ("app:e", account, "app:f"))
    if kind == "link":
        return [happened(kinds.IDENTITY_LINKED, draw(st.integers(0, 3)), member_id=account, linked_id=other)]
    if kind == "close":
        return [happened(kinds.GROUP_CLOSED, day, group=group)]
    end = (NOON - day * DAY).isoformat()
    return [happened(kinds.GROUP_UPDATED, draw(st.integers(0, day)), group=group, planned_end=end)]


STEP = st.tuples(st.lists(changes(), max_size=3), st.integers(0, 2), st.booleans(), st.sampled_from([1, 1, 1, 2]))
"""What comes late, how many days pass, whether `first_seen` is refreshed, and the rules, mostly as before."""


@examples(15)
@given(st.lists(STEP, min_size=1, max_size=3))
def test_lives_equal_a_computation_from_nothing_after_any_late_events(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[list[Event]], int, bool, int]]
):
    lives, today = Lives(Lake(str(tmp_path_factory.mktemp("lives")))), 0
    lives.send(*HISTORY, said("app:a"))
    lives.catch_up()
    for late, passed, is_first_seen, rules in steps:
        today += passed
        events = [event for each in late for event in each]
        lives.send(*events, said("app:a", -today, 30), kafka_time=NOON + today * DAY)
        lives.catch_up(rules, is_first_seen=is_first_seen)
        lives.assert_caught_up()


def known_to(lives: Lives, monkeypatch: pytest.MonkeyPatch, *late: Event) -> dict[str, dt.date]:
    """The last day of each group that a refresh after these events takes over; the outcome is right."""
    known: list[pl.DataFrame] = []
    compute = life_module.with_half_writers

    def watched(days: pl.DataFrame, people: pl.LazyFrame, held: pl.DataFrame) -> pl.DataFrame:
        known.append(held)
        return compute(days, people, held)

    with monkeypatch.context() as patched:
        patched.setattr(life_module, "with_half_writers", watched)
        lives.send(*late)
        lives.catch_up()
    lives.assert_caught_up()
    return dict(known[0].group_by("group_id").agg(pl.col("day").max()).iter_rows())


def days_ago(number: int) -> dt.date:
    return (NOON - number * DAY).date()


def test_of_the_days_before_a_late_word_what_was_told_is_taken_over(lives: Lives, monkeypatch: pytest.MonkeyPatch):
    last = dict(lives.stored(GROUP_HEALTH).group_by("group_id").agg(pl.col("day").max()).iter_rows())
    assert known_to(lives, monkeypatch, said("app:b", 20, 60)) == {**last, "app:g": days_ago(21)}


def test_a_link_changes_the_days_from_the_first_word_of_whoever_turns_out_to_be_another(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
):
    lives.send(said("app:late", 30), said("app:later", 12))
    lives.catch_up()
    link = happened(kinds.IDENTITY_LINKED, 1, member_id="app:late", linked_id="app:later")
    assert known_to(lives, monkeypatch, link)["app:g"] == days_ago(13)
