"""Open, remind of and resolve alerts at an evaluation. Pure, with the clock as an argument."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from schemas.expectations import Severity

AlertState = Literal["firing", "acknowledged", "snoozed", "no_data", "errored", "resolved"]
Event = Literal["firing", "reminder", "recovered", "closed", "test"]
"""What a notice is about. `closed`: the rule no longer holds, but not because the subject recovered (a group died)."""


@dataclass(frozen=True)
class Known:
    """What is known of a subject: since which day its state holds, the reason in words, and the numbers behind it."""

    since: dt.date
    reason: str
    name: str | None = None
    purpose: str | None = None
    state: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether a rule holds of a subject; None: it could not be measured.

    `is_recovery`: where the rule does not hold, whether the subject recovered. `severity` overrides that of the rule.
    """

    subject: str
    holds: bool | None
    known: Known
    is_recovery: bool = True
    severity: Severity | None = None


@dataclass(frozen=True)
class Evaluation:
    """The verdicts of one rule, or the `error` if it could not be evaluated at all.

    A subject without a verdict could not be measured.
    """

    rule: str
    verdicts: tuple[Verdict, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Alert:
    """An alert that is open, or that this evaluation resolves.

    `known` is what was known when it fired, or with `Policy.is_current` at the last evaluation. `told_at` is the time
    of its newest notice, `notices` their number.
    """

    rule: str
    subject: str
    severity: Severity
    known: Known
    opened_at: dt.datetime
    seen_at: dt.datetime
    told_at: dt.datetime
    notices: int = 1
    acknowledged_at: dt.datetime | None = None
    acknowledged_by: str | None = None
    snoozed_until: dt.datetime | None = None
    unmeasured_since: dt.datetime | None = None
    error: str | None = None
    resolved_at: dt.datetime | None = None

    def state(self, now: dt.datetime) -> AlertState:
        """Return its state: an error or missing data comes before a snooze or an acknowledgement."""
        if self.resolved_at is not None:
            return "resolved"
        if self.error is not None:
            return "errored"
        if self.unmeasured_since is not None:
            return "no_data"
        if self.snoozed_until is not None and now < self.snoozed_until:
            return "snoozed"
        return "firing" if self.acknowledged_at is None else "acknowledged"


@dataclass(frozen=True)
class Policy:
    """Which rules are on with which severity, and after how long a reminder is sent (None: never).

    No alert fires on a state that began more than `news` before its first evaluation, so that a start on years of
    history sends nothing. `is_current`: details and severity of an open alert follow each evaluation.
    """

    severities: Mapping[str, Severity]
    renotify: dt.timedelta | None = dt.timedelta(hours=72)
    news: dt.timedelta = dt.timedelta(days=14)
    is_current: bool = False


@dataclass(frozen=True)
class Notice:
    """A notice to deliver about an alert, with what is known now."""

    alert: Alert
    event: Event
    known: Known


@dataclass(frozen=True)
class Decision:
    """The alerts that were evaluated, in their new state, and the notices to deliver."""

    alerts: tuple[Alert, ...]
    notices: tuple[Notice, ...]


def decide(
    open_alerts: Iterable[Alert], evaluations: Iterable[Evaluation], policy: Policy, now: dt.datetime
) -> Decision:
    """Open, keep and resolve alerts: at most one open for a rule and subject (docs/definitions.md#alerts).

    It depends on the present state only, not on the number of missed evaluations, so a late one repeats nothing.

    Args:
        open_alerts: All open alerts.
        evaluations: At most one per rule. Alerts of rules without an evaluation are left unchanged; alerts of rules
            that are off are resolved without a notice.
        policy: Which rules are on, and how often reminders are sent.
        now: The clock, UTC. Alerts that were evaluated later than that are left unchanged.
    """
    known_open = {(alert.rule, alert.subject): alert for alert in open_alerts}
    by_rule = {evaluation.rule: evaluation for evaluation in evaluations}
    verdicts = {name: {found.subject: found for found in rule.verdicts} for name, rule in by_rule.items()}
    alerts: list[Alert] = []
    notices: list[Notice] = []
    for alert in known_open.values():
        if now < alert.seen_at:
            continue
        if alert.rule not in policy.severities:
            alerts.append(replace(alert, seen_at=now, resolved_at=now))
        elif alert.rule in by_rule:
            verdict = verdicts[alert.rule].get(alert.subject)
            kept, notice = _follow(alert, verdict, by_rule[alert.rule].error, policy, now)
            alerts.append(kept)
            notices += [] if notice is None else [notice]
    fired = list(_fire(known_open, by_rule.values(), policy, now))
    opened_of = {alert.subject for alert in fired}
    return Decision(
        (*alerts, *fired),
        (
            *(Notice(alert, "firing", alert.known) for alert in fired),
            # The notice that a group died already says that it is no longer dying.
            *(notice for notice in notices if notice.event != "closed" or notice.alert.subject not in opened_of),
        ),
    )


def _follow(
    alert: Alert, verdict: Verdict | None, error: str | None, policy: Policy, now: dt.datetime
) -> tuple[Alert, Notice | None]:
    """Return the alert after an evaluation of its rule, and the notice to deliver, if any."""
    if error is not None or verdict is None or verdict.holds is None:
        return replace(alert, seen_at=now, unmeasured_since=alert.unmeasured_since or now, error=error), None
    alert = replace(alert, seen_at=now, unmeasured_since=None, error=None)
    if not verdict.holds:
        resolved = replace(alert, resolved_at=now, notices=alert.notices + 1)
        return resolved, Notice(resolved, "recovered" if verdict.is_recovery else "closed", verdict.known)
    if policy.is_current:
        known = replace(verdict.known, since=alert.known.since)
        alert = replace(alert, known=known, severity=verdict.severity or alert.severity)
    if not _is_due(alert, policy, now):
        return alert, None
    reminded = replace(alert, told_at=now, notices=alert.notices + 1, snoozed_until=None)
    return reminded, Notice(reminded, "reminder", verdict.known)


def _is_due(alert: Alert, policy: Policy, now: dt.datetime) -> bool:
    """Whether a reminder of an alert that still holds is due."""
    if alert.state(now) != "firing":
        return False
    is_snooze_over = alert.snoozed_until is not None
    return is_snooze_over or (policy.renotify is not None and now - alert.told_at >= policy.renotify)


def _fire(
    known_open: Mapping[tuple[str, str], Alert], evaluations: Iterable[Evaluation], policy: Policy, now: dt.datetime
) -> Iterator[Alert]:
    """Yield a new alert for each verdict that holds, is recent enough and has no open alert."""
    oldest = (now - policy.news).date()
    for evaluation in evaluations:
        severity = policy.severities.get(evaluation.rule)
        if severity is None or evaluation.error is not None:
            continue
        for verdict in evaluation.verdicts:
            is_new = (evaluation.rule, verdict.subject) not in known_open
            if verdict.holds and is_new and verdict.known.since >= oldest:
                level = verdict.severity or severity
                yield Alert(evaluation.rule, verdict.subject, level, verdict.known, now, now, now)
