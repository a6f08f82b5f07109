"""The spells of a group's life follow each other by complete days."""

import dataclasses
import datetime as dt
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.health import life_days
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules, Thresholds
from schemas.lake import FEED_DAY, GROUP, GROUP_DAY, GROUP_STATE, PERSON_DAY
from tests.examples import examples
from tests.pipelines.engagement.frames import MONDAY, ZONE, at, rows_of
from tests.pipelines.groups.group_oracle import Life, Spell, spells

FIELDS = tuple(field.name for field in dataclasses.fields(Spell))
SPAN = 40
NO_CHANCE: dict[str, Any] = {"declining_chance": 1.0, "dying_chance": 1.0}
"""No silence makes a group decline before it is dead."""


def day(number: int) -> dt.date:
    """A day counted from the first Monday."""
    return MONDAY + dt.timedelta(days=number)


def judged(
    days: list[dict[str, Any]],
    groups: list[dict[str, Any]],
    through: dt.date | None,
    zone: str = ZONE,
    unheard: dict[str, frozenset[dt.date]] | None = None,
    **rules: Any,
) -> pl.LazyFrame:
    """The states of groups, each of a source of its own that told something on every day, but for those unheard."""
    every = pl.date_range(day(-9), day(400), eager=True).to_list()
    flowing = [
        (f"feed of {group}", each)
        for group in {row["group_id"] for row in days}
        for each in every
        if each not in (unheard or {}).get(group, ())
    ]
    life = life_days(
        pl.LazyFrame(days, schema=GROUP_DAY.schema).with_columns(source=pl.format("feed of {}", "group_id")),
        pl.LazyFrame(schema=PERSON_DAY.schema),
        pl.LazyFrame(flowing, schema=FEED_DAY.schema, orient="row"),
        pl.LazyFrame(groups, schema=GROUP.schema),
        through,
        zone,
        LifeRules(Thresholds(**rules)),
    )
    return group_state(life.lazy())


def state(
    lives: dict[str, tuple[Life, set[dt.date]]], through: dt.date | None, dead_after_days: int = 28
) -> pl.LazyFrame:
    """The states of groups but decline, given of each its life and further days with events but no activity."""
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
    unheard = {key: life.unheard for key, (life, _) in lives.items()}
    return judged(days, groups, through, unheard=unheard, dead_after_days=dead_after_days, **NO_CHANCE)


def told(active: list[int], through: int, **life: Any) -> list[tuple[Any, ...]]:
    """State, first day, silent days and reason of every spell, days counted from the first Monday.

    The group has its first event on day 0 and is born with its first activity, unless told else.
    """
    ends = {"born": min(active, default=None), "closed": None, "planned": None, **life}
    born, closed, planned = (None if number is None else day(number) for number in ends.values())
    known = Life(day(0), frozenset(map(day, active)), born, closed, planned)
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


def test_activity_after_death_is_revival_and_activity_a_week_after_that_is_life():
    assert told([0, 36, 42, 44], through=45) == [
        ("alive", 0, 27, BORN),
        ("dead", 28, 35, "no member activity for 28 days since 2025-03-03"),
        ("revived", 36, 1, "member activity again after 35 silent days"),
        ("alive", 44, 1, "members active again, and still so"),
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
    days = [{"group_id": "app:g", "day": day(0), "active_members": 0}]
    groups = [{"group_id": "app:g", "closed_at": at(f"{day(2)} 00:30")}]
    spells_of = {zone: judged(days, groups, day(5), zone).filter(pl.col("state") == "ended") for zone in (ZONE, "UTC")}
    assert {zone: rows_of(found, "since") for zone, found in spells_of.items()} == {
        ZONE: {(day(2),)},
        "UTC": {(day(1),)},
    }


def spells_of(unheard: set[int], through: int, active: list[int]) -> list[tuple[Any, ...]]:
    """State, first day, and since when it is not measured, of a group that was born on day 0."""
    life = Life(day(0), frozenset(map(day, active)), day(0), None, None, frozenset(map(day, unheard)))
    found = state({"app:g": (life, set())}, day(through)).sort("since").collect()
    rows = found.select("state", "since", "unmeasured_since").rows()
    return [(name, (since - MONDAY).days, last and (last - MONDAY).days) for name, since, last in rows]


def test_a_group_of_which_nothing_is_heard_stays_alive_and_is_not_measured_since_its_last_measured_day():
    assert spells_of(set(range(1, 66)), 65, [0]) == [("alive", 0, 1)]


def test_an_outage_that_is_over_leaves_no_trace_on_what_is_measured():
    assert spells_of(set(range(10, 20)), 40, [0]) == [("alive", 0, None), ("dead", 38, None)]


def test_a_dead_group_of_which_nothing_is_heard_is_not_measured_either():
    assert spells_of(set(range(30, 66)), 65, [0]) == [("alive", 0, None), ("dead", 28, 30)]


def test_a_group_that_only_a_shop_names_was_never_measured():
    days = [{"group_id": "app:g", "day": day(2), "active_members": 0}]
    found = judged(days, [{"group_id": "app:g"}], day(9), unheard={"app:g": frozenset(map(day, range(-9, 400)))})
    assert found.collect()["unmeasured_since"].to_list() == [day(2)]


def test_an_ended_group_is_not_measured_any_more_and_nobody_is_told():
    life = Life(day(0), frozenset({day(0)}), day(0), day(5), None, frozenset(map(day, range(3, 40))))
    found = state({"app:g": (life, set())}, day(30)).sort("since").collect()
    assert found.select("state", "unmeasured_since").rows() == [("alive", day(3)), ("ended", None)]


def talk(share: float, days: range, **others: int) -> list[dict[str, Any]]:
    """Days on which so much of 20 speakers' talk happens, and other things."""
    counts = {"speakers": 20, "active_members": 20, "messages": 40, "replies": 10}
    happened = {name: round(number * share) for name, number in counts.items()}
    return [{"group_id": "app:g", "day": day(number), **happened, **others} for number in days]


def reasons(days: list[dict[str, Any]], through: int) -> dict[str, str]:
    """The reason of each state that a group born on day 0 came into last."""
    found = judged(days, [{"group_id": "app:g", "born_at": at(f"{day(0)} 00:00")}], day(through))
    return dict(found.sort("since").select("state", "reason").collect().rows())


def test_a_decline_tells_speakers_messages_and_replies_with_their_numbers():
    assert reasons([*talk(1, range(70)), *talk(0.5, range(70, 100))], 99)["declining"] == (
        "speakers at 50 % of usual (10 a day, usually 20); messages at 50 % (140 a week, usually 280); "
        "replies at 50 % (35 a week, usually 70)"
    )


def test_what_is_usually_nothing_is_not_told():
    days = [*talk(1, range(70), replies=0), *talk(0.5, range(70, 100), replies=0)]
    assert reasons(days, 99)["declining"] == (
        "speakers at 50 % of usual (10 a day, usually 20); messages at 50 % (140 a week, usually 280)"
    )


def test_dying_tells_what_else_speaks_for_it():
    silent = talk(0, range(70, 98), operator_messages=5, joined=1, left=2)
    dying = reasons([*talk(1, range(70)), *silent], 97)["dying"]
    assert dying.startswith("speakers at 0 % of usual (0 a day, usually 20)")
    assert "operators alone: 35 messages in 7 days, none of a member" in dying
    assert re.search(r"(\d+) left and (\d+) joined in 28 days", dying)
    assert re.search(r"none became active in 28 days, \d+ joined", dying)


def test_recovery_tells_its_numbers_too():
    back = [*talk(1, range(70)), *talk(0.4, range(70, 90)), *talk(1, range(90, 120))]
    assert reasons(back, 119)["alive"].startswith("back: speakers at ")


def silences(*active: int, through: int) -> list[tuple[str, str]]:
    """State and reason of each spell of a group of a message a day, born on its first day."""
    days = [
        {"group_id": "app:g", "day": day(each), "active_members": 1, "speakers": 1, "messages": 1} for each in active
    ]
    found = judged(days, [{"group_id": "app:g", "born_at": at(f"{day(0)} 00:00")}], day(through))
    return found.sort("since").select("state", "reason").collect().rows()


def test_a_small_group_tells_how_likely_its_silence_is_to_last_until_it_is_dead():
    assert silences(0, 1, 2, through=30)[1:] == [
        (
            "declining",
            "no member activity for 10 days since 2025-03-05; the chance that it lasts 28 days is 33 %; "
            "the group was never silent for so long before",
        ),
        (
            "dying",
            "no member activity for 17 days since 2025-03-05; the chance that it lasts 28 days is 57 %; "
            "the group was never silent for so long before",
        ),
        ("dead", "no member activity for 28 days since 2025-03-05"),
    ]


def test_it_tells_how_often_the_group_was_silent_for_so_long_before():
    rows = silences(0, 20, 60, 68, through=78)
    assert rows[-1] == (
        "declining",
        "no member activity for 8 days since 2025-05-10; the chance that it lasts 28 days is 36 %; "
        "earlier silences as long: 2, of these 28 days or more: 1",
    )


def test_a_silence_that_is_over_says_so():
    assert silences(0, 1, 2, 15, 23, through=24)[-1] == ("alive", "back: members are active again")


def test_components_are_those_of_the_first_day_of_a_spell():
    days = [*talk(1, range(70)), *talk(0.5, range(70, 100), operator_messages=20)]
    found = judged(days, [{"group_id": "app:g", "born_at": at(f"{day(0)} 00:00")}], day(99))
    shown = found.filter(pl.col("state") == "declining").collect().row(0, named=True)
    numbers = ("speaker_days_7d", "speaker_days_usual", "messages_7d", "messages_usual", "baseline_weeks")
    assert [shown[name] for name in numbers] == [70, 140, 140, 280, 11]
    first = (shown["since"] - MONDAY).days
    assert shown["messages_28d"] == 20 * (first - 69) + 40 * (28 - (first - 69))
    assert shown["operator_share_28d"] == 20 * (first - 69) / (20 * (first - 69) + shown["messages_28d"])


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
    silences = st.tuples(st.integers(-1, SPAN), st.integers(0, SPAN)).map(lambda each: range(each[0], sum(each)))
    unheard = {day(each) for silence in draw(st.lists(silences, max_size=3)) for each in silence}
    # A day with an event of the group is measured by it.
    return Life(first, active, born, draw(maybe), draw(maybe), frozenset(unheard - active - quiet - {first})), quiet


@examples(300)
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


TOLD = {
    "coverage": (None, "aggregate", "mentions", "metadata", "full"),
    "membership": (None, "none", "joins_only", "snapshots", "events"),
}
"""From nothing to all."""


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(0, 4)), min_size=1, max_size=12))
def test_a_spell_has_the_best_that_was_told_on_any_day_up_to_its_end(seen: list[tuple[str, int, int]]):
    rows = {(group, number): max(w for g, n, w in seen if (g, n) == (group, number)) for group, number, _ in seen}
    days = [
        {
            "group_id": group,
            "day": day(number),
            "month": day(number).replace(day=1),
            **{name: words[width] for name, words in TOLD.items()},
        }
        for (group, number), width in rows.items()
    ]
    ends = [{"group_id": group, "closed_at": at("2025-03-18 12:00")} for group in "ab"]
    for spell in judged(days, ends, day(20)).collect().iter_rows(named=True):
        last = (spell["until"] or day(21)) - dt.timedelta(days=1)
        known = [w for (group, number), w in rows.items() if group == spell["group_id"] and day(number) <= last]
        assert {name: spell[name] for name in TOLD} == {name: words[max(known)] for name, words in TOLD.items()}
