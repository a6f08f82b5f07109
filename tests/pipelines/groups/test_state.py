"""The spells of a group's life follow each other by complete days."""

import dataclasses
import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.groups.state import group_state
from schemas.lake import GROUP, GROUP_DAY, GROUP_STATE
from tests.pipelines.engagement.frames import MONDAY, ZONE, at, rows_of
from tests.pipelines.groups.group_oracle import Life, Spell, spells

FIELDS = tuple(field.name for field in dataclasses.fields(Spell))
SPAN = 40


def day(number: int) -> dt.date:
    """A day counted from the first Monday."""
    return MONDAY + dt.timedelta(days=number)


def state(
    lives: dict[str, tuple[Life, set[dt.date]]], through: dt.date | None, dead_after_days: int = 28
) -> pl.LazyFrame:
    """The states of groups, given of each its life and further days with events but no activity."""
    days = [
        {"group_id": key, "day": each, "active_members": int(each in life.active)}
        for key, (life, quiet) in lives.items()
        for each in life.active | quiet | {life.first}
    ]
    groups = [
        {
            "group_id": key,
            "born_at": life.born and at(f"{life.born} 00:00"),
            "closed_at": life.closed and at(f"{life.closed} 23:59"),
            "planned_end": life.planned and at(f"{life.planned} 00:00"),
        }
        for key, (life, _) in lives.items()
    ]
    group_days = pl.LazyFrame(days, schema=GROUP_DAY.schema)
    return group_state(group_days, pl.LazyFrame(groups, schema=GROUP.schema), through, ZONE, dead_after_days)


def told(active: list[int], through: int, **life: Any) -> list[tuple[Any, ...]]:
    """State, first day, silent days and reason of every spell, days counted from the first Monday.

    The group has its first event on day 0 and is born with its first activity, unless told else.
    """
    known = Life(
        first=day(0),
        active=frozenset(map(day, active)),
        **{
            name: None if number is None else day(number)
            for name, number in {
                "born": min(active, default=None),
                "closed": None,
                "planned": None,
                **life,
            }.items()
        },
    )
    found = state({"app:g": (known, set())}, day(through)).sort("since").collect()
    return [
        (row["state"], (row["since"] - MONDAY).days, row["silent_days"], row["reason"])
        for row in found.iter_rows(named=True)
    ]


BORN = "3 members exchanged 4 messages within 20 minutes"
NOT_BORN = "not yet 4 messages of 3 members within 20 minutes"


def test_a_group_is_unborn_until_the_day_of_its_birth():
    assert told([3], through=4) == [("unborn", 0, None, NOT_BORN), ("alive", 3, 1, BORN)]


def test_a_group_born_on_its_first_day_was_never_unborn():
    assert told([0], through=0) == [("alive", 0, 0, BORN)]


def test_an_unborn_group_does_not_die():
    assert told([0], through=99, born=None) == [("unborn", 0, 99, NOT_BORN)]


def test_twenty_seven_silent_days_are_not_death():
    assert told([0], through=27) == [("alive", 0, 27, BORN)]


def test_the_end_of_the_twenty_eighth_silent_day_is_death():
    assert told([0], through=28) == [
        ("alive", 0, 27, BORN),
        ("dead", 28, 28, "no member activity for 28 days since 2025-03-03"),
    ]


def test_activity_on_the_twenty_eighth_day_keeps_a_group_alive():
    assert told([0, 28], through=28) == [("alive", 0, 0, BORN)]


def test_activity_after_death_is_life_again():
    assert told([0, 36], through=40) == [
        ("alive", 0, 27, BORN),
        ("dead", 28, 35, "no member activity for 28 days since 2025-03-03"),
        ("alive", 36, 4, "member activity again after 35 silent days"),
    ]


def test_activity_after_the_last_complete_day_is_not_known():
    assert told([0, 29], through=28)[-1][0] == "dead"


def test_a_birth_after_the_last_complete_day_is_not_known():
    assert told([5], through=4) == [("unborn", 0, None, NOT_BORN)]


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        ({"closed": 2}, "closed on 2025-03-05"),
        ({"planned": 2}, "planned to end on 2025-03-05"),
        ({"closed": 2, "planned": 3}, "closed on 2025-03-05"),
        ({"closed": 3, "planned": 2}, "planned to end on 2025-03-05"),
    ],
    ids=str,
)
def test_the_earlier_end_ends_a_group_for_good(ends: dict[str, int], reason: str):
    assert told([0, 4], through=60, **ends) == [("alive", 0, 1, BORN), ("ended", 2, 56, reason)]


def test_an_end_to_come_ends_nothing_yet():
    assert told([0], through=3, planned=4) == [("alive", 0, 3, BORN)]


def test_a_group_heard_of_after_its_end_has_only_ended():
    assert told([1], through=3, closed=-5) == [("ended", 0, 2, "closed on 2025-02-26")]


def test_a_group_with_no_event_by_the_last_complete_day_has_no_state():
    life = Life(day(1), frozenset({day(1)}), day(1), None, None)
    assert rows_of(state({"app:g": (life, set())}, day(0))) == set()


def test_without_a_complete_day_no_group_has_a_state():
    life = Life(day(0), frozenset({day(0)}), day(0), None, None)
    assert rows_of(state({"app:g": (life, set())}, None)) == set()


def test_days_of_birth_and_end_are_those_of_the_zone_given():
    life = Life(day(0), frozenset({day(0)}), None, day(2), None)
    days = pl.LazyFrame([{"group_id": "app:g", "day": day(0), "active_members": 0}], schema=GROUP_DAY.schema)
    groups = pl.LazyFrame([{"group_id": "app:g", "closed_at": at(f"{life.closed} 00:30")}], schema=GROUP.schema)
    spells_of = {
        zone: group_state(days, groups, day(5), zone).filter(pl.col("state") == "ended") for zone in (ZONE, "UTC")
    }
    assert {zone: rows_of(found, "since") for zone, found in spells_of.items()} == {
        ZONE: {(day(2),)},
        "UTC": {(day(1),)},
    }


def test_the_schema_is_that_of_the_table():
    assert state({}, day(0)).collect().schema == GROUP_STATE.schema


@st.composite
def lives(draw: st.DrawFn) -> tuple[Life, set[dt.date]]:
    """A life of some active days, perhaps with a birth on one and with ends, and quiet days."""
    days = st.integers(0, SPAN).map(day)
    maybe = st.none() | st.integers(-3, SPAN + 3).map(day)
    active = draw(st.frozensets(days, max_size=8))
    quiet = draw(st.sets(days, max_size=3))
    first = min(active | quiet, default=day(0))
    born = draw(st.none() | st.sampled_from(sorted(active))) if active else None
    return Life(first, active, born, draw(maybe), draw(maybe)), quiet


@settings(deadline=None, max_examples=300)
@given(
    one=lives(),
    other=lives(),
    through=st.integers(-2, SPAN + 10).map(day),
    dead_after_days=st.integers(1, 9),
)
def test_spells_equal_a_walk_over_the_days(
    one: tuple[Life, set[dt.date]],
    other: tuple[Life, set[dt.date]],
    through: dt.date,
    dead_after_days: int,
):
    both = {"app:g": one, "app:h": other}
    expected = {
        (key, *dataclasses.astuple(spell))
        for key, (life, _) in both.items()
        for spell in spells(life, through, dead_after_days)
    }
    assert rows_of(state(both, through, dead_after_days), "group_id", *FIELDS) == expected
