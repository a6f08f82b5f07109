"""Late activity changes when a person was first active in a group, unless that was before the day of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.person_day import person_day
from pipelines.lake import Lake
from pipelines.refresh import first_seen as first_seen_module
from pipelines.refresh import refresh_days, refresh_first_seen, refresh_identity
from schemas import kinds
from schemas.lake import FIRST_SEEN, PERSON_DAY
from tests.examples import examples
from tests.pipelines.canonical import Event, make_unreadable
from tests.pipelines.late import Step, histories, live
from tests.pipelines.test_incremental import Company, happened, said


class Newcomers(Company):
    """A company of which only first activities matter."""

    def catch_up(self, *, has_days: bool = True) -> None:
        refresh_identity(self.lake)
        if has_days:
            refresh_days(self.lake, PERSON_DAY, person_day)
        refresh_first_seen(self.lake)

    def assert_caught_up(self) -> None:
        assert self.stored(FIRST_SEEN).equals(self.computed(FIRST_SEEN), null_equal=True)


@pytest.mark.parametrize(
    ("late", "computed"),
    [
        (said("app:a", 8), []),
        (said("app:a", 9, -1), ["app:g"]),
        (said("app:a", 60), ["app:g", "app:h"]),
        (said("app:a", 3, 0, "app:i"), ["app:i"]),
    ],
    ids=["a day after the first", "on the first day", "long before", "in another group"],
)
def test_only_what_a_late_word_can_change_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: Event, computed: list[str]
):
    company, seen = Newcomers(Lake(str(tmp_path))), []
    company.send(said("app:a", 9), said("app:a", 40, 0, "app:h"), said("app:b", 9), said("app:b", 2))
    company.catch_up()
    put = first_seen_module.put

    def watched(*arguments: object) -> bool:
        seen.append(arguments[4])
        return put(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(first_seen_module, "put", watched)
    company.send(late)
    company.catch_up()
    assert sorted(seen[0]["group_id"]) == computed
    company.assert_caught_up()


def test_no_month_before_the_first_change_is_read(tmp_path: Path):
    company = Newcomers(Lake(str(tmp_path)))
    company.send(said("app:a", 40), said("app:a", 9), said("app:b", 9))
    company.catch_up()
    company.send(said("app:a", 3), said("app:b", 10))
    refresh_days(company.lake, PERSON_DAY, person_day)
    for file in Path(company.lake.table_uri(PERSON_DAY)).glob("month=2025-01-01/*.parquet"):
        make_unreadable(file)
    refresh_first_seen(company.lake)
    company.assert_caught_up()


ACCOUNTS = st.sampled_from(["app:a", "app:b", "app:c", "app:d"])
DAYS = st.sampled_from([0, 1, 2, 3, 29, 30, 31, 60])


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Messages, of which copies may come, and seldom a link that makes one person of two."""
    account, day, minute = draw(ACCOUNTS), draw(DAYS), draw(st.integers(0, 3))
    if draw(st.integers(0, 7)) == 0:
        return happened(kinds.IDENTITY_LINKED, day, member_id=account, linked_id=draw(ACCOUNTS))
    copy = {"id": f"copy {draw(st.integers(1, 4))}"} if draw(st.booleans()) else {}
    return said(account, day, minute, draw(st.sampled_from(["app:g", "app:h"])), **copy)


@examples(30)
@given(histories(events(), most_events=8, most_steps=5))
def test_first_activities_equal_a_computation_from_nothing_after_any_late_events(
    tmp_path_factory: pytest.TempPathFactory, history: list[Step]
):
    company = Newcomers(Lake(str(tmp_path_factory.mktemp("newcomers"))))
    live(company, history, lambda has_days: company.catch_up(has_days=has_days))
    company.assert_caught_up()
