"""What counts as wrong with the pipeline, and what no news means."""

import datetime as dt

import pytest

from pipelines.operations.backlog import Backlog
from pipelines.operations.staleness import (
    BEHIND,
    HELD_BACK,
    PULL_STALE,
    RECEIVER_DOWN,
    RUN_FAILED,
    STALE,
    STALLED,
    UNREADABLE,
    Failure,
    Feed,
    Limits,
    QuietPull,
    Receiver,
    Signals,
    judge,
    judge_failures,
    remember,
)

NOW = dt.datetime(2025, 3, 3, 12, tzinfo=dt.UTC)
LIMITS = Limits(*(dt.timedelta(minutes=minutes) for minutes in (10, 20, 30, 40, 5)))


def ago(minutes: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=minutes)


def signals(
    backlog: Backlog | None = Backlog(0, None),  # noqa: B008 - frozen
    feeds: tuple[Feed, ...] | None = (),
    behind_since: dt.datetime | None = None,
    *,
    is_behind_known: bool = True,
    unreadable: dict[str, str] | None = None,
    receiver: Receiver | None = None,
    pulls: tuple[QuietPull, ...] | None = (),
) -> Signals:
    return Signals(backlog, feeds, is_behind_known, behind_since, unreadable or {}, receiver, pulls)


def pull(since: dt.datetime | None, error: str | None = None) -> tuple[QuietPull, ...]:
    return (QuietPull("phone", since, error, dt.timedelta(minutes=60)),)


@pytest.mark.parametrize(
    ("seen", "rules"),
    [
        pytest.param(signals(), set(), id="all is well"),
        pytest.param(signals(Backlog(7, ago(9.9))), set(), id="unread, not for long"),
        pytest.param(signals(Backlog(7, ago(10))), {STALE}, id="unread for too long"),
        pytest.param(signals(behind_since=ago(19.9)), set(), id="behind, not for long"),
        pytest.param(signals(behind_since=ago(20)), {BEHIND}, id="behind for too long"),
        pytest.param(signals(feeds=(Feed("t", 0, 0, None, 5, ago(29.9)),)), set(), id="held back, not for long"),
        pytest.param(signals(feeds=(Feed("t", 0, 0, None, 5, ago(30)),)), {HELD_BACK}, id="held back for too long"),
        pytest.param(signals(feeds=(Feed("t", 0, 5, ago(39.9)),)), set(), id="stands still, not for long"),
        pytest.param(signals(feeds=(Feed("t", 0, 5, ago(40)),)), {STALLED}, id="stands still for too long"),
        pytest.param(signals(feeds=(Feed("t", 0, 0, ago(99)),)), set(), id="stands still, and nothing is unread"),
        pytest.param(signals(unreadable={"Kafka": "It does not answer."}), {UNREADABLE}, id="cannot be read"),
        pytest.param(signals(receiver=Receiver(ago(4.9), "gone")), set(), id="receiver down, not for long"),
        pytest.param(signals(receiver=Receiver(ago(5), "gone")), {RECEIVER_DOWN}, id="receiver down for too long"),
        pytest.param(signals(receiver=Receiver(None, None)), set(), id="receiver up"),
        pytest.param(signals(pulls=pull(ago(59.9), "refused")), set(), id="pull quiet, not for long"),
        pytest.param(signals(pulls=pull(ago(60), "refused")), {PULL_STALE}, id="pull quiet for too long"),
        pytest.param(signals(pulls=pull(None)), set(), id="pull that nobody knows since when"),
    ],
)
def test_what_is_found(seen, rules):
    verdict = judge(seen, LIMITS, NOW)
    assert {finding.rule for finding in verdict.findings} == rules
    assert all(finding.message and finding.next_step for finding in verdict.findings)


@pytest.mark.parametrize(
    ("seen", "unjudged"),
    [
        pytest.param(signals(backlog=None), {STALE}, id="backlog"),
        pytest.param(signals(feeds=None), {HELD_BACK, STALLED}, id="feeds"),
        pytest.param(signals(is_behind_known=False), {BEHIND}, id="publication"),
        pytest.param(signals(pulls=None), {PULL_STALE}, id="pulls"),
    ],
)
def test_what_could_not_be_read_is_no_good_news(seen, unjudged):
    all_rules = {UNREADABLE, RECEIVER_DOWN, STALE, BEHIND, HELD_BACK, STALLED, PULL_STALE}
    assert judge(seen, LIMITS, NOW).rules == all_rules - unjudged
    assert judge_failures(RUN_FAILED, None).rules == frozenset()


def test_each_failure_is_a_finding_and_none_is_good_news():
    failure = Failure("pipeline_job", "The disk is full.", "Make room.")
    assert [found.subject for found in judge_failures(RUN_FAILED, [failure]).findings] == ["pipeline_job"]
    assert judge_failures(RUN_FAILED, []).rules == {RUN_FAILED}


def test_it_is_remembered_since_when_something_is_so_without_a_break():
    since = remember({"a": ago(5), "gone": ago(9)}, {"a", "new"}, NOW)
    assert since == {"a": ago(5), "new": NOW}


@pytest.mark.parametrize(
    ("oldest", "scheduled", "found"),
    [
        pytest.param(ago(600), ago(120), {STALE, STALLED}, id="the scheduled run did not read it"),
        pytest.param(ago(600), ago(5), set(), id="the scheduled run has just begun"),
        pytest.param(ago(600), ago(700), set(), id="it waits for the next scheduled run"),
        pytest.param(ago(600), None, {STALE, STALLED}, id="runs follow Kafka"),
    ],
)
def test_data_is_stale_by_the_schedule(oldest: dt.datetime, scheduled: dt.datetime | None, found: set[str]):
    unread = signals(Backlog(7, oldest), (Feed("t", 0, 7, still_since=ago(500)),))
    assert {one.rule for one in judge(unread, LIMITS, NOW, scheduled).findings} == found
