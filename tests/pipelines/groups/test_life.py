"""A group's state follows from its own past, day by day, and from nothing that comes later."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.life import live
from pipelines.groups.thresholds import Thresholds
from schemas.lake import GROUP_STATES
from tests.examples import examples
from tests.pipelines.groups.life_oracle import Life

RULES = Thresholds()
DEAF = RULES._replace(declining_chance=1.0, dying_chance=1.0)
"""No silence changes a state before death."""

NEVER = 10_000

WEEK = [(10, 30, 8)] * 5 + [(3, 6, 1)] * 2
"""A group that talks on working days: speakers, messages, replies of each."""

Counts = list[tuple[int, int, int]]


def states(
    counts: Counts,
    *,
    active: list[bool] | None = None,
    measured: list[bool] | None = None,
    born: int = 0,
    ended: int = NEVER,
    rules: Thresholds = RULES,
) -> list[str]:
    """The state of each day; a member is active on days with messages and every day is measured, unless told else."""
    found, *_ = live(
        np.array(counts, np.int64).reshape(-1, 3),
        np.array(active if active is not None else [messages > 0 for _, messages, _ in counts], np.bool_),
        np.array(measured if measured is not None else [True] * len(counts), np.bool_),
        born,
        ended,
        rules,
    )
    return [GROUP_STATES[number] for number in found]


def spells(found: list[str]) -> list[tuple[str, int]]:
    """Each state and its first day."""
    firsts = [0, *(day for day, (before, now) in enumerate(pairwise(found), start=1) if before != now)]
    return [(found[day], day) for day in firsts]


def scaled(share: float, weeks: int) -> Counts:
    """Weeks in which so much happens."""
    return [(round(a * share), round(b * share), round(c * share)) for a, b, c in WEEK] * weeks


SILENCE = (0, 0, 0)
STEADY = WEEK * 12


def test_a_group_with_a_rhythm_of_weekdays_stays_alive():
    assert spells(states(WEEK * 52)) == [("alive", 0)]


def test_a_group_that_falls_to_half_declines_and_does_not_die():
    assert spells(states(STEADY + scaled(0.5, 12)))[1:] == [("declining", 84 + 4 + RULES.confirm_days - 1)]


def test_a_silent_group_is_dying_before_it_is_dead():
    found = spells(states(STEADY + [SILENCE] * 40))
    assert [state for state, _ in found] == ["alive", "declining", "dying", "dead"]
    (_, dying), (_, dead) = found[2:]
    assert (dead - dying >= RULES.dead_after_days // 4, dead) == (True, 83 + RULES.dead_after_days)


def test_a_group_that_comes_back_is_alive_again():
    found = [state for state, _ in spells(states(STEADY + scaled(0.2, 4) + WEEK * 6))]
    assert (found[:2], found[-1]) == (["alive", "declining"], "alive")


def test_a_holiday_of_a_week_is_no_decline():
    assert spells(states(STEADY + [SILENCE] * 7 + WEEK * 8)) == [("alive", 0)]


def test_a_level_between_leaving_and_entering_changes_nothing():
    between = scaled(0.7, 6)
    assert spells(states(STEADY + between)) == [("alive", 0)]
    assert states(STEADY + scaled(0.5, 4) + between)[-1] == "declining"


def test_nobody_gets_used_to_a_decline_sooner_than_its_baseline_is_old():
    found = states(STEADY + scaled(0.5, 26))
    last = 84 + 2 + 7 * RULES.baseline_weeks
    assert set(found[100:last]) == {"declining"}
    assert found[-1] == "alive"


def test_a_group_too_young_to_have_a_past_is_not_judged():
    assert spells(states(WEEK * 3 + scaled(0.2, 2))) == [("alive", 0)]


def test_in_a_group_of_little_volume_noise_gives_no_verdict():
    few = [(1, 1, 0), SILENCE, SILENCE, (1, 2, 0), SILENCE, (1, 1, 0), SILENCE]
    assert spells(states(few * 12 + [SILENCE] * 7 + few * 8)) == [("alive", 0)]


FEW = [(1, 1, 0), SILENCE, SILENCE, (1, 2, 0), SILENCE, (1, 1, 0), SILENCE]
"""A group of too little volume to be compared with its usual weeks."""


def test_a_small_group_that_falls_silent_as_never_before_declines_and_is_dying_before_it_is_dead():
    found = spells(states(FEW * 12 + [SILENCE] * 40))
    last_active = 7 * 12 - 2
    assert found == [
        ("alive", 0),
        ("declining", last_active + 10),
        ("dying", last_active + 17),
        ("dead", last_active + 28),
    ]


def test_a_small_group_that_was_often_silent_for_three_weeks_is_not_dying_of_a_fortnight():
    pauses = ([(1, 1, 0)] * 3 + [SILENCE] * 20) * 6
    assert set(states(pauses + [(1, 1, 0)] + [SILENCE] * 14)[-15:]) == {"alive"}


def test_the_silence_that_made_it_is_over_when_a_member_is_active_again_and_the_stay_is():
    found = spells(states(FEW * 12 + [SILENCE] * 15 + FEW * 3))
    assert [state for state, _ in found] == ["alive", "declining", "alive"]
    assert found[2][1] - found[1][1] == RULES.stay_days


def test_where_no_chance_is_enough_no_silence_changes_a_state():
    assert [state for state, _ in spells(states(FEW * 12 + [SILENCE] * 40, rules=DEAF))] == ["alive", "dead"]


def test_a_single_message_revives_and_only_a_later_one_makes_it_alive():
    dead = STEADY + [SILENCE] * 40
    once = dead + [(1, 1, 0)] + [SILENCE] * 28
    assert [state for state, _ in spells(states(once))[-3:]] == ["dead", "revived", "dead"]
    again = [*once[: len(dead) + 8], (1, 1, 0)]
    assert spells(states(again))[-2:] == [("revived", len(dead)), ("alive", len(dead) + 8)]


def test_what_is_no_activity_revives_nobody():
    dead = STEADY + [SILENCE] * 40
    assert states(dead + [(0, 0, 0)] * 30)[-1] == "dead"


def test_unmeasured_days_bring_no_verdict_and_do_not_count_to_death():
    counts = STEADY + [SILENCE] * 61
    outage = [True] * 84 + [False] * 61
    assert spells(states(counts, measured=outage)) == [("alive", 0)]
    back = [True] * 84 + [False] * 33 + [True] * 28
    found = spells(states(counts, measured=back))
    assert found[-1] == ("dead", 83 + 33 + RULES.dead_after_days)


def test_after_an_outage_the_same_weekdays_are_compared():
    measured = [day not in range(84, 90) for day in range(84 + 70)]
    counts = [each if known else SILENCE for each, known in zip(WEEK * 22, measured, strict=True)]
    assert spells(states(counts, measured=measured)) == [("alive", 0)]


def test_an_ended_group_stays_ended():
    assert spells(states(WEEK * 4, ended=9)) == [("alive", 0), ("ended", 9)]


DAY_COUNTS = st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 3)).map(
    lambda each: (min(each[0], each[1]), each[1], min(each[2], each[1]))
)
DAYS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 2, 4, 9]).flatmap(
            lambda scale: DAY_COUNTS.map(lambda each: tuple(scale * number for number in each))
        ),
        st.booleans(),
        st.sampled_from([True] * 9 + [False]),
        st.integers(1, 20),
    ),
    min_size=1,
    max_size=12,
)
"""Runs of days: counts, whether a member reacts, whether the day is measured, how many days alike."""

SMALL = st.builds(
    Thresholds,
    dead_after_days=st.integers(3, 40),
    baseline_weeks=st.integers(2, 4),
    least_baseline_weeks=st.integers(1, 2),
    least_messages=st.sampled_from([1.0, 5.0, 20.0]),
    deviations=st.sampled_from([0.0, 0.5, 1.0]),
    confirm_days=st.integers(1, 5),
    stay_days=st.integers(1, 9),
    declining_enter=st.sampled_from([0.6, 0.75]),
    declining_leave=st.sampled_from([0.75, 0.9]),
    dying_enter=st.sampled_from([0.2, 0.4]),
    dying_leave=st.sampled_from([0.4, 0.6]),
    silent_days=st.integers(1, 9),
    declining_chance=st.sampled_from([0.1, 0.4, 1.0]),
    dying_chance=st.sampled_from([0.4, 0.6, 1.0]),
)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Counts, list[bool], list[bool], int, int, Thresholds]:
    """A life of runs of days; nothing is known of what happens on unmeasured ones, and a birth is an activity."""
    counts, active, measured = [], [], []
    for each, reacts, is_measured, days in draw(DAYS):
        for _ in range(days):
            counts.append(each if is_measured else SILENCE)
            active.append(is_measured and (each[1] > 0 or reacts))
            measured.append(is_measured)
    born = draw(st.sampled_from([day for day, is_active in enumerate(active) if is_active][:9] or [NEVER]))
    ended = draw(st.sampled_from([NEVER] * 5 + [0, 20, 60, 90]))
    return counts, active, measured, born if draw(st.integers(0, 9)) else NEVER, ended, draw(SMALL)


@examples(500)
@given(lives())
def test_states_equal_those_of_looking_back_from_every_day(
    life: tuple[Counts, list[bool], list[bool], int, int, Thresholds],
):
    counts, active, measured, born, ended, rules = life
    found = states(counts, active=active, measured=measured, born=born, ended=ended, rules=rules)
    assert found == Life(counts, active, measured, rules).judge(born, ended)


@examples(200)
@given(lives(), st.data())
def test_another_future_changes_no_earlier_state(
    life: tuple[Counts, list[bool], list[bool], int, int, Thresholds], data: st.DataObject
):
    counts, active, measured, born, ended, rules = life
    cut = data.draw(st.integers(0, len(counts)))
    other = [(9, 99, 9)] * (len(counts) - cut)
    whole = states(counts, active=active, measured=measured, born=born, ended=ended, rules=rules)
    changed = states(
        counts[:cut] + other,
        active=active[:cut] + [True] * len(other),
        measured=measured[:cut] + [True] * len(other),
        born=born if born < cut else NEVER,
        ended=ended if ended < cut else NEVER,
        rules=rules,
    )
    assert changed[:cut] == whole[:cut]


@examples(200)
@given(lives())
def test_a_verdict_stays_for_its_least_days_unless_the_group_dies_or_ends(
    life: tuple[Counts, list[bool], list[bool], int, int, Thresholds],
):
    counts, active, measured, born, ended, rules = life
    found = states(counts, active=active, measured=measured, born=born, ended=ended, rules=rules)
    runs = [(state, len(list(days))) for state, days in groupby(found)]
    for (state, length), (after, _) in pairwise(runs):
        if state in {"alive", "declining", "dying", "revived"} and after not in {"dead", "ended"}:
            assert length >= rules.stay_days


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25])
def test_a_fall_that_is_no_more_than_the_usual_spread_is_none(share: float):
    wild = [(a * k, b * k, c * k) for k in (1, 6, 1, 7, 1, 8) for a, b, c in WEEK] * 3
    verdicts = {
        spread: states(wild + scaled(share, 3), rules=DEAF._replace(deviations=spread)) for spread in (0.0, 9.0)
    }
    assert "alive" in verdicts[9.0][-1]
    assert verdicts[0.0][-1] != "alive"
