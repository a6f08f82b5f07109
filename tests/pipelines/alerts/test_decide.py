"""Alerts after an evaluation, and their notices."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alerts.decide import Alert, Decision, Evaluation, Policy, Verdict, decide
from tests.examples import examples
from tests.pipelines.alerts.samples import DAY, HOUR, NOON, POLICY, judged, known

FIRED = Alert("group_dying", "a", "critical", known(), NOON, NOON, NOON)


def events_of(decision: Decision) -> list[tuple[str, str]]:
    return [(notice.event, notice.alert.subject) for notice in decision.notices]


def test_what_holds_fires_once():
    first = decide([], [judged(True, "a", "b")], POLICY, NOON)
    assert events_of(first) == [("firing", "a"), ("firing", "b")]
    again = decide(first.alerts, [judged(True, "a", "b")], POLICY, NOON + HOUR)
    assert events_of(again) == []
    assert [alert.opened_at for alert in again.alerts] == [NOON, NOON]


def test_an_alert_that_still_holds_is_told_again_after_the_interval():
    assert events_of(decide([FIRED], [judged(True, "a")], POLICY, NOON + 3 * DAY)) == [("reminder", "a")]


def test_a_late_evaluation_makes_up_for_none_that_was_missed():
    late = decide([FIRED], [judged(True, "a")], POLICY, NOON + 30 * DAY)
    assert events_of(late) == [("reminder", "a")]
    assert events_of(decide(late.alerts, [judged(True, "a")], POLICY, NOON + 30 * DAY + HOUR)) == []


def test_without_an_interval_nothing_is_told_again():
    never = replace(POLICY, renotify=None)
    assert events_of(decide([FIRED], [judged(True, "a")], never, NOON + 300 * DAY)) == []


def test_recovery_is_told_at_once_whatever_the_interval():
    decision = decide([FIRED], [judged(False, "a")], POLICY, NOON + HOUR)
    assert events_of(decision) == [("recovered", "a")]
    assert decision.alerts[0].state(NOON + HOUR) == "resolved"


@pytest.mark.parametrize("evaluation", [judged(None, "a"), judged(True), Evaluation("group_dying", error="no lake")])
def test_what_cannot_be_measured_neither_recovers_nor_is_told_again(evaluation: Evaluation):
    decision = decide([FIRED], [evaluation], POLICY, NOON + 5 * DAY)
    assert events_of(decision) == []
    assert decision.alerts[0].state(NOON + 5 * DAY) == ("errored" if evaluation.error else "no_data")
    assert decision.alerts[0].unmeasured_since == NOON + 5 * DAY


def test_what_cannot_be_measured_does_not_fire():
    assert decide([], [judged(None, "a"), Evaluation("group_dead", error="no lake")], POLICY, NOON).alerts == ()


def test_what_is_measured_again_fires_on():
    unmeasured = replace(FIRED, unmeasured_since=NOON, error="no lake")
    decision = decide([unmeasured], [judged(True, "a")], POLICY, NOON + HOUR)
    assert events_of(decision) == []
    assert decision.alerts[0].state(NOON + HOUR) == "firing"


def test_an_acknowledged_alert_is_not_told_again_but_its_recovery_is():
    acknowledged = replace(FIRED, acknowledged_at=NOON, acknowledged_by="mei")
    assert events_of(decide([acknowledged], [judged(True, "a")], POLICY, NOON + 9 * DAY)) == []
    assert events_of(decide([acknowledged], [judged(False, "a")], POLICY, NOON + 9 * DAY)) == [("recovered", "a")]


def test_a_snoozed_alert_is_silent_until_its_time_and_told_once_then():
    snoozed = replace(FIRED, snoozed_until=NOON + 5 * DAY)
    before = decide([snoozed], [judged(True, "a")], POLICY, NOON + 5 * DAY - HOUR)
    assert (events_of(before), before.alerts[0].state(NOON + 5 * DAY - HOUR)) == ([], "snoozed")
    after = decide(before.alerts, [judged(True, "a")], POLICY, NOON + 5 * DAY)
    assert events_of(after) == [("reminder", "a")]
    assert events_of(decide(after.alerts, [judged(True, "a")], POLICY, NOON + 5 * DAY + HOUR)) == []


def test_what_has_been_so_for_long_at_first_sight_is_no_news():
    old = Evaluation("group_dead", (Verdict("a", True, known((NOON - 15 * DAY).date(), "dead")),))
    assert decide([], [old], POLICY, NOON).alerts == ()
    recent = Evaluation("group_dead", (Verdict("a", True, known((NOON - 14 * DAY).date(), "dead")),))
    assert events_of(decide([], [recent], POLICY, NOON)) == [("firing", "a")]


def test_a_rule_that_is_off_fires_nothing_and_lets_go_of_its_alerts_without_a_word():
    off = Policy({"group_dead": "warning"})
    decision = decide([FIRED], [judged(True, "a", "b")], off, NOON + HOUR)
    assert events_of(decision) == []
    assert [(alert.subject, alert.resolved_at) for alert in decision.alerts] == [("a", NOON + HOUR)]


def test_the_alerts_of_a_rule_that_was_not_evaluated_stay_as_they_are():
    assert decide([FIRED], [judged(True, "x", rule="group_dead")], POLICY, NOON + HOUR).alerts[0].subject == "x"


def test_of_a_dying_group_that_died_its_death_is_told_and_no_recovery():
    dead = judged(True, "a", rule="group_dead")
    assert events_of(decide([FIRED], [judged(False, "a", is_recovery=False), dead], POLICY, NOON)) == [("firing", "a")]
    assert events_of(decide([FIRED], [judged(False, "a", is_recovery=False)], POLICY, NOON)) == [("closed", "a")]


def test_a_clock_that_went_back_changes_nothing():
    assert decide([FIRED], [judged(False, "a")], POLICY, NOON - HOUR) == Decision((), ())


SUBJECTS = ("a", "b")
STEPS = st.lists(
    st.tuples(
        st.integers(0, 100),
        st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in SUBJECTS}),
        st.sampled_from(["", "", "", "error", "acknowledge", "snooze"]),
    ),
    max_size=30,
)


@examples(200)
@given(STEPS)
def test_any_history_tells_what_a_reader_would_tell_who_follows_each_group_alone(
    steps: list[tuple[int, dict[str, bool | None], str]],
):
    now, alerts = NOON, list[Alert]()
    told_by_hand: dict[str, list[tuple[str, dt.datetime]]] = {name: [] for name in SUBJECTS}
    told_in_fact: dict[str, list[tuple[str, dt.datetime]]] = {name: [] for name in SUBJECTS}
    by_hand: dict[str, dict[str, dt.datetime]] = {}
    policy = replace(POLICY, news=1000 * DAY)
    for hours, truth, act in steps:
        now += hours * HOUR
        if act in ("acknowledge", "snooze"):
            until = now + 24 * HOUR
            change = {"acknowledged_at": now} if act == "acknowledge" else {"snoozed_until": until}
            alerts = [replace(alert, **change) for alert in alerts]
            for notes in by_hand.values():
                notes.update({"ack": now} if act == "acknowledge" else {"snooze": until})
        verdicts = tuple(Verdict(name, holds, known()) for name, holds in truth.items())
        evaluation = Evaluation("group_dying", error="x") if act == "error" else Evaluation("group_dying", verdicts)
        decision = decide(alerts, [evaluation], policy, now)
        alerts = [alert for alert in decision.alerts if alert.resolved_at is None]
        assert len({alert.subject for alert in alerts}) == len(alerts)
        for notice in decision.notices:
            told_in_fact[notice.alert.subject].append((notice.event, now))
        for name, holds in {} if act == "error" else truth.items():
            _by_hand(name, holds, by_hand, told_by_hand[name], now)
    assert told_in_fact == told_by_hand
    assert {alert.subject for alert in alerts} == set(by_hand)


def _by_hand(
    name: str,
    holds: bool | None,
    notes: dict[str, dict[str, dt.datetime]],
    sent: list[tuple[str, dt.datetime]],
    now: dt.datetime,
) -> None:
    """One group at one evaluation, followed as the definitions say it in words."""
    if holds is False and name in notes:
        del notes[name]
        sent.append(("recovered", now))
    elif holds and name not in notes:
        notes[name] = {"sent": now}
        sent.append(("firing", now))
    elif holds and "ack" not in notes[name]:
        wake = notes[name].get("snooze", notes[name]["sent"] + timedelta_of(POLICY))
        if now >= wake:
            notes[name] = {"sent": now}
            sent.append(("reminder", now))


def timedelta_of(policy: Policy) -> dt.timedelta:
    assert policy.renotify is not None
    return policy.renotify
