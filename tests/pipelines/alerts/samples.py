"""Groups, verdicts and a clock for the tests of alerts."""

from __future__ import annotations

import datetime as dt

from pipelines.alerts.decide import Evaluation, Known, Policy, Verdict

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
TODAY = NOON.date()
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
POLICY = Policy({"group_dying": "critical", "group_dead": "warning", "stale_feed": "critical"}, renotify=3 * DAY)


def known(since: dt.date = TODAY, state: str = "dying", name: str | None = "Tea lovers") -> Known:
    reason = "speakers at 40 % of usual (2 a day, usually 5); 4 left and 1 joined in 28 days"
    return Known(since, reason, name, "retention", state, {"messages_7d": 8})


def judged(holds: bool | None, *subjects: str, rule: str = "group_dying", is_recovery: bool = True) -> Evaluation:
    """One rule with the same verdict on some subjects."""
    state = {True: "dying", False: "alive" if is_recovery else "dead", None: "dying"}[holds]
    return Evaluation(rule, tuple(Verdict(subject, holds, known(state=state), is_recovery) for subject in subjects))
