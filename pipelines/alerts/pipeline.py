"""Alerts about the pipeline itself, recorded and delivered like those on groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

from pipelines.alerts.decide import Alert, Decision, Evaluation, Known, Policy, Verdict
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.messages import NEXT_STEP
from pipelines.alerts.watch import Alerting
from pipelines.operations.staleness import RULES, Finding, Findings

_GONE: Final = "it is no longer found"


def report(warehouse_url: str, found: Findings, alerting: Alerting, now: dt.datetime) -> Decision:
    """Write findings as alerts with their notices, and resolve alerts that an evaluated rule no longer finds.

    Args:
        warehouse_url: Of a prepared warehouse.
        found: The findings, and the rules that could be evaluated; alerts of other rules are left unchanged.
        alerting: How often reminders are sent, and to which channels.
        now: The clock, UTC.
    """
    policy = Policy(dict.fromkeys(RULES, "critical"), alerting.policy.renotify, is_current=True)
    return AlertLedger(warehouse_url).update(
        lambda known_open: evaluations(found, known_open, now), policy, alerting.pipeline_channels, now, rules=RULES
    )


def evaluations(found: Findings, known_open: Iterable[Alert], now: dt.datetime) -> Sequence[Evaluation]:
    """Return one evaluation for each evaluated rule, with a verdict on each finding and each open alert."""
    holding = {(finding.rule, finding.subject): _verdict(finding, now) for finding in found.findings}
    over = {
        (alert.rule, alert.subject): Verdict(alert.subject, False, Known(now.date(), _GONE)) for alert in known_open
    }
    verdicts = {**over, **holding}
    return [
        Evaluation(rule, tuple(verdict for (of, _), verdict in verdicts.items() if of == rule))
        for rule in sorted(found.rules)
    ]


def _verdict(finding: Finding, now: dt.datetime) -> Verdict:
    known = Known(now.date(), finding.message, details={NEXT_STEP: finding.next_step})
    return Verdict(finding.subject, True, known, severity=finding.severity)
