"""When a backlog is worth a run."""

import datetime as dt

import pytest

from pipelines.operations.backlog import Backlog, Runs, StartPolicy, decide_follow, decide_ingest

NOW = dt.datetime(2025, 3, 3, 12, tzinfo=dt.UTC)
POLICY = StartPolicy(
    records=100,
    age=dt.timedelta(seconds=5),
    after_failure=dt.timedelta(seconds=30),
    longest_wait=dt.timedelta(minutes=10),
)


def ago(seconds: float) -> dt.datetime:
    return NOW - dt.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("backlog", "runs", "acts"),
    [
        pytest.param(Backlog(0, None), Runs(0), False, id="nothing is unread"),
        pytest.param(Backlog(99, ago(4.9)), Runs(0), False, id="few and fresh"),
        pytest.param(Backlog(100, ago(0)), Runs(0), True, id="many, however fresh"),
        pytest.param(Backlog(1, ago(5)), Runs(0), True, id="one, waiting long enough"),
        pytest.param(Backlog(1, None), Runs(0), True, id="unread since nobody knows when"),
        pytest.param(Backlog(0, None, rulings=1), Runs(0), True, id="nothing is unread, and somebody ruled"),
        pytest.param(Backlog(10_000, ago(600)), Runs(1), False, id="a run is in flight"),
        pytest.param(None, Runs(0), False, id="could not be read"),
        pytest.param(Backlog(1, ago(600)), Runs(0, ago(29), 1), False, id="just failed"),
        pytest.param(Backlog(1, ago(600)), Runs(0, ago(30), 1), True, id="failed a while ago"),
        pytest.param(Backlog(1, ago(600)), Runs(0, ago(100), 3), False, id="failed again and again: the wait doubles"),
        pytest.param(Backlog(1, ago(600)), Runs(0, ago(120), 3), True, id="after the doubled wait"),
        pytest.param(Backlog(1, ago(600)), Runs(0, ago(600), 50), True, id="the wait has an end"),
        pytest.param(Backlog(0, None), Runs(0, ago(29), 1), False, id="just failed, and nothing is unread"),
        pytest.param(Backlog(0, None), Runs(0, ago(30), 1), True, id="failed: what it left undone shows in no lag"),
        pytest.param(None, Runs(0, ago(600), 1), False, id="failed, and Kafka could not be read"),
    ],
)
def test_a_run_is_asked_for(backlog, runs, acts):
    decision = decide_ingest(backlog, runs, POLICY, NOW)
    assert decision.act is acts
    assert decision.reason


@pytest.mark.parametrize(
    ("backlog", "runs", "acts"),
    [
        pytest.param(Backlog(10_000, ago(600)), Runs(0), False, id="all came after the scheduled time"),
        pytest.param(Backlog(1, ago(3600)), Runs(0), True, id="one from before it is left"),
        pytest.param(Backlog(10_000, None), Runs(0), False, id="read by workers, not decoded yet"),
        pytest.param(Backlog(0, None), Runs(0, ago(40), 1), True, id="the scheduled run failed"),
        pytest.param(Backlog(1, ago(3600)), Runs(1), False, id="the scheduled run is in flight"),
    ],
)
def test_between_scheduled_runs_only_what_they_left_is_worth_one(backlog: Backlog, runs: Runs, acts: bool):
    assert decide_ingest(backlog, runs, POLICY, NOW, scheduled=ago(1800)).act is acts


def test_right_after_the_scheduled_time_the_schedule_itself_begins_the_run():
    assert not decide_ingest(Backlog(1, ago(3600)), Runs(0), POLICY, NOW, scheduled=ago(30)).act


@pytest.mark.parametrize(
    ("behind", "runs", "acts"),
    [
        pytest.param(set(), Runs(0), False, id="nothing is behind"),
        pytest.param({"lifecycle"}, Runs(0), True, id="a table is behind"),
        pytest.param({"lifecycle"}, Runs(1), False, id="a run is in flight"),
        pytest.param({"lifecycle"}, Runs(0, ago(29), 1), False, id="the last run failed just now"),
        pytest.param({"lifecycle"}, Runs(0, ago(30), 1), True, id="it failed a while ago"),
    ],
)
def test_what_is_behind_is_worth_a_run_unless_one_is_in_flight_or_just_failed(behind: set[str], runs: Runs, acts: bool):
    assert decide_follow(behind, runs, POLICY, NOW).act is acts
