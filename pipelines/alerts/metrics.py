"""Alerts on metrics: evaluate the rules on a new complete period, and write what they found into the ledger."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl

from pipelines.alerts.decide import Alert, Decision, Evaluation, Known, Verdict
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.messages import IS, NEXT_STEP, PER
from pipelines.alerts.metric_rules import FROZEN, METRIC, SERIES, MetricRule, judge_metric
from pipelines.alerts.metric_series import WEEK, names_of, periods, read_series, rows_query
from pipelines.alerts.watch import Alerting
from pipelines.publish.warehouse import Warehouse
from schemas.errors import EmberlineError

_BASE: Final = "base"
_SET: Final = "set"
_IS: Final = {
    "fell_by": "down in {}",
    "below": "below its line in {}",
    "share_shifted": "at another share of {}",
}


def evaluate_metrics(
    warehouse: Warehouse, alerting: Alerting, evaluated: Mapping[str, str], now: dt.datetime
) -> tuple[Decision, Mapping[str, str]]:
    """Evaluate each rule on a metric that has a new complete period, and write alerts and notices.

    An open alert of a rule without a new period keeps its last verdict, so that reminders are sent when due. A second
    evaluation of the same period, as after a kill, decides the same: `evaluated` only saves work. Alerts of rules that
    were removed from the settings are resolved without a notice.

    Args:
        warehouse: Prepared; the ledger is in it.
        alerting: The rules, the reader of their metrics, the channels, and how often reminders are sent.
        evaluated: By rule, its last evaluated period, as the last call returned it; empty at first.
        now: The clock, UTC.

    Returns:
        The decision, and the last evaluated period of each rule.
    """
    rules, policy, ledger = alerting.metric_rules, alerting.policy, AlertLedger(warehouse.url)
    found, marks = _read_due(warehouse, alerting, evaluated) if rules else ({}, {})

    def judge(known_open: Sequence[Alert]) -> list[Evaluation]:
        of_rule: dict[str, list[Alert]] = {rule.name: [] for rule in rules}
        for alert in known_open:
            of_rule.setdefault(alert.rule, []).append(alert)
        return [
            found[name].evaluation(alerts, alerting.zone) if name in found else _as_before(name, alerts)
            for name, alerts in of_rule.items()
        ]

    on = replace(
        policy,
        severities={rule.name: rule.severity for rule in rules},
        # A week counts from its first day on, which is a week before it is complete.
        news=policy.news + WEEK,
        is_current=True,
    )
    gone = {entry.alert.rule for entry in ledger.entries() if entry.alert.rule.startswith(METRIC)}
    channels = [channel.name for channel in alerting.channels]
    decision = ledger.update(judge, on, channels, now, rules={*on.severities, *gone})
    return decision, marks


def _read_due(
    warehouse: Warehouse, alerting: Alerting, evaluated: Mapping[str, str]
) -> tuple[dict[str, _Read], dict[str, str]]:
    """Read the metrics of the rules that are due; and by rule the period that is evaluated afterwards."""
    found, marks = dict[str, _Read](), dict[str, str]()
    try:
        reader = warehouse if alerting.reader is None else alerting.reader()
        known = reader.known()
    except EmberlineError as error:
        return {rule.name: _Read(rule, error=error.cause) for rule in alerting.metric_rules}, marks
    if known is None or known.complete_through is None:
        return found, marks
    for rule in alerting.metric_rules:
        try:
            days = periods(rule, known.complete_through)
            mark = f"{days[0]} {_set(rule)}"
            if evaluated.get(rule.name) != mark:
                names = names_of(reader) if rule.per == "group" else {}
                found[rule.name] = _Read(rule, days, read_series(reader, rule, days), names)
            marks[rule.name] = mark
        except EmberlineError as error:
            found[rule.name] = _Read(rule, error=error.cause)
    return found, marks


@dataclass(frozen=True)
class _Read:
    """The series of one rule's metric, with the names of groups; or the error of reading it."""

    rule: MetricRule
    days: list[dt.date] = field(default_factory=list)
    series: pl.DataFrame = field(default_factory=SERIES.to_frame)
    names: Mapping[str, str | None] = field(default_factory=dict)
    error: str | None = None

    def evaluation(self, known_open: Sequence[Alert], zone: str) -> Evaluation:
        """Judge what was read."""
        if self.error is not None:
            return Evaluation(self.rule.name, error=self.error)
        since = {alert.subject: alert.known.since for alert in known_open}
        # The base of an alert is void once the settings of its rule have changed.
        frozen = [
            (alert.subject, alert.known.details[_BASE], self.days[-1] >= alert.known.since)
            if alert.known.details[_SET] == _set(self.rule)
            else (alert.subject, None, False)
            for alert in known_open
        ]
        judged = judge_metric(self.rule, self.series, pl.DataFrame(frozen, FROZEN, orient="row"))
        concerned = judged.filter(pl.col("holds") | pl.col("subject").is_in([*since]))
        return Evaluation(
            self.rule.name,
            tuple(
                self._verdict(row, since.get(row["subject"], self.days[0]), zone)
                for row in concerned.iter_rows(named=True)
            ),
        )

    def _verdict(self, row: Mapping[str, Any], since: dt.date, zone: str) -> Verdict:
        rule, subject = self.rule, row["subject"]
        name = {"company": "Company", "purpose": f"Purpose {subject}", "group": self.names.get(subject)}[rule.per]
        details = {
            IS: _IS[rule.kind].format(rule.metric.name),
            PER: rule.per,
            "metric": rule.metric.name,
            "period": self.days[0].isoformat(),
            "value": row["value"],
            _BASE: row["base"],
            _SET: _set(rule),
            NEXT_STEP: f"look at the rows behind it: {rows_query(rule, subject, self.days, zone)}",
            **({"group_id": subject} if rule.per == "group" else {}),
        }
        known = Known(
            self.days[0],
            reason(rule, row, self.days[0], since),
            name,
            subject if rule.per == "purpose" else None,
            f"at this level for {rule.periods} weeks" if row["is_old"] else None,
            details,
        )
        return Verdict(subject, row["holds"], known, is_recovery=not row["is_old"])


def reason(rule: MetricRule, found: Mapping[str, Any], day: dt.date, since: dt.date) -> str:
    """Say in words what was found, with the numbers and what they are compared with.

    Args:
        rule: What holds, or no longer does.
        found: A row of `pipelines.alerts.metric_rules.JUDGED`.
        day: The first day of the period.
        since: The first day of the period with which its alert began.
    """
    value, base, metric = found["value"], found["base"], rule.metric
    when = f"in the week from {day}" if rule.period == "week" else f"on {day:%A}, {day}"
    before = f"the {rule.periods} weeks before {since}"
    mean = f"the mean of {before}" if rule.period == "week" else f"the mean of that day in {before}"
    if value is None or base is None:
        return f"{metric.name} {when} cannot be measured: too little data"
    if rule.kind == "share_shifted":
        moved = "" if found["moved"] is None else f"; the total moved by {100 * found['moved']:+.0f} %"
        return f"{100 * value:.1f} % of {metric.name} {when}, {100 * base:.1f} % in {before}{moved}"
    shown, usual = _shown(rule, value), _shown(rule, base)
    if rule.kind == "below":
        return f"{metric.name} {when}: {shown}, and the line is {_shown(rule, rule.line)}; {usual} is {mean}"
    change = f"{100 * abs(1 - value / base):.0f} % {'less' if value < base else 'more'} than" if base > 0 else "against"
    return f"{metric.name} {when}: {shown}, {change} {usual}, {mean}"


def _shown(rule: MetricRule, value: float) -> str:
    match rule.metric.format:
        case "percent":
            return f"{100 * value:.1f} %"
        case "number":
            return f"{value:,.2f} {rule.metric.unit}"
        case _:
            return f"{value:,.0f} {rule.metric.unit}"


def _as_before(rule: str, known_open: Sequence[Alert]) -> Evaluation:
    """Repeat the last verdict on each open alert of a rule."""
    return Evaluation(
        rule,
        tuple(Verdict(alert.subject, None if alert.unmeasured_since else True, alert.known) for alert in known_open),
    )


def _set(rule: MetricRule) -> str:
    """Return a fingerprint of a rule's settings."""
    parts = {**vars(rule), "metric": rule.metric.name, "where": sorted(rule.where.items()), "severity": ""}
    return f"{zlib.crc32(repr(sorted(parts.items())).encode()):08x}"
