"""Late events judge their members anew, from few of their days, and nobody's events but of who was never active."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.person_day import person_day
from pipelines.lake import Lake
from pipelines.refresh import members as members_module
from pipelines.refresh import (
    refresh_days,
    refresh_first_seen,
    refresh_identity,
    refresh_member_changes,
    refresh_member_state,
)
from schemas import kinds
from schemas.lake import MEMBER_STATE, PERSON_DAY
from tests.examples import examples
from tests.pipelines.canonical import NOON, Event, make_unreadable
from tests.pipelines.late import OFTEN
from tests.pipelines.test_incremental import DAY, Company, happened, said


class Members(Company):
    """A company of which only the states of members matter."""

    def catch_up(self, rules: int = 1, *, is_first_seen: bool = True) -> None:
        refresh_identity(self.lake)
        refresh_member_changes(self.lake)
        refresh_days(self.lake, PERSON_DAY, person_day)
        if is_first_seen:
            refresh_first_seen(self.lake)
        self.refreshed = {MEMBER_STATE.name: refresh_member_state(self.lake, self.through(), rules)}

    def assert_caught_up(self) -> None:
        assert self.stored(MEMBER_STATE).equals(self.computed(MEMBER_STATE), null_equal=True)


def joined(account: str, day: float, group: str = "app:g") -> Event:
    return happened(kinds.MEMBER_JOINED, day, member_id=account, group=group)


def left(account: str, day: float, group: str = "app:g") -> Event:
    return happened(kinds.MEMBER_LEFT, day, member_id=account, group=group)


CALM = [
    *(said("app:a", day) for day in (50, 40, 2)),
    *(said(name, day) for name in ("app:b", "app:f") for day in (50, 40)),
    joined("app:c", 9),
]
TODAY = [said("app:d"), said("app:e", 0, 1), said("app:f", 0, 1)]
READ = {
    "a word of who was active in the windows": (said("app:a", 3), 3, 0),
    "a word of who was silent in the windows": (said("app:b", 45), 3, 0),
    "a word in the windows after silence": (said("app:b", 3), 2, 0),
    "a leaving of who was never active": (left("app:c", 3), 0, 1),
    "a first word of who was never active": (said("app:c", 3), 1, 0),
    "a word of who was silent in the windows, but for today": (said("app:f", 45), 3, 0),
    "a joining of who was never active before today": (joined("app:e", 9), 0, 1),
    "a joining of who was active": (joined("app:a", 60), 2, 0),
}


@pytest.mark.parametrize(("late", "days", "asked"), READ.values(), ids=READ)
def test_days_and_joinings_that_a_late_event_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: Event, days: int, asked: int
):
    company, read = Members(Lake(str(tmp_path))), []
    company.send(*CALM, *TODAY)
    company.catch_up()
    judge = members_module.member_state

    def watched(events: pl.LazyFrame, person_days: pl.LazyFrame, *others: Any) -> pl.LazyFrame:
        read.append((person_days.unique().collect().height, events.collect()["person_id"].n_unique()))
        return judge(events, person_days, *others)

    monkeypatch.setattr(members_module, "member_state", watched)
    company.send(late)
    company.catch_up()
    assert read == [(days, asked)]
    company.assert_caught_up()


def test_a_late_word_in_one_group_judges_nobody_in_another(tmp_path: Path):
    company = Members(Lake(str(tmp_path)))
    company.send(*CALM, joined("app:a", 9, "app:h"), said("app:d", 9, 0, "app:h"), said("app:d"))
    company.catch_up()
    company.send(said("app:a", 3), said("app:d", 3, 0, "app:h"), said("app:e", 0, 1))
    company.catch_up()
    assert company.refreshed[MEMBER_STATE.name].persons == 2
    company.assert_caught_up()


def test_of_who_was_active_in_the_windows_no_day_before_them_is_read(tmp_path: Path):
    company = Members(Lake(str(tmp_path)))
    company.send(*CALM, *TODAY)
    company.catch_up()
    company.send(said("app:a", 3))
    refresh_days(company.lake, PERSON_DAY, person_day)
    refresh_first_seen(company.lake)
    for file in Path(company.lake.table_uri(PERSON_DAY)).glob("month=2025-01-01/*.parquet"):
        make_unreadable(file)
    refresh_member_state(company.lake, company.through(), 1)
    company.assert_caught_up()


ACCOUNTS = st.sampled_from(["app:a", "app:b", "app:c"])
GROUPS = st.sampled_from(["app:g", "app:h"])
DAYS = st.sampled_from([0, 1, 3, 10, 17, 27, 28, 29, 40, 60])


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Words, joinings and leavings, of which copies may come, and seldom a link that makes one person of two."""
    account, day, minute, group = draw(ACCOUNTS), draw(DAYS), draw(st.integers(0, 2)), draw(GROUPS)
    kind = draw(st.sampled_from(["word", "word", "join", "join", "leave", "link"]))
    if kind == "link":
        return happened(kinds.IDENTITY_LINKED, day, member_id=account, linked_id=draw(ACCOUNTS))
    copy = {"id": f"copy {draw(st.integers(1, 4))}"} if draw(st.booleans()) else {}
    if kind == "word":
        return said(account, day, minute, group, **copy)
    did = kinds.MEMBER_JOINED if kind == "join" else kinds.MEMBER_LEFT
    return happened(did, day, minute, member_id=account, group=group, **copy)


STEP = st.tuples(st.lists(events(), min_size=1, max_size=4), st.integers(0, 3), OFTEN)
"""Events, the day on which Kafka got them, and whether `first_seen` is refreshed after them."""


@examples(20)
@given(st.lists(STEP, min_size=2, max_size=5))
def test_members_equal_a_computation_from_nothing_after_any_late_events(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[Event], int, bool]]
):
    company = Members(Lake(str(tmp_path_factory.mktemp("members"))))
    company.send(said("app:d"))
    company.catch_up()
    for batch, day, is_first_seen in steps:
        company.send(*batch, kafka_time=NOON + day * DAY)
        company.catch_up(is_first_seen=is_first_seen)
        company.assert_caught_up()
