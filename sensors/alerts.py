"""Sensors that open and resolve alerts on the pipeline itself in the ledger."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import dagster as dg

from assets.resources import Clock, Rules
from pipelines.alerts.messages import NEXT_STEP
from pipelines.alerts.pipeline import report
from pipelines.alerts.watch import Alerting
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.lag import PartitionLag, backlog, partition_lags
from pipelines.lake import Lake
from pipelines.operations.pulls import quiet_pulls
from pipelines.operations.receiver import fault_of
from pipelines.operations.staleness import (
    CHECK_FAILED,
    RUN_FAILED,
    Feed,
    Findings,
    Limits,
    QuietPull,
    Receiver,
    Signals,
    judge,
    judge_failures,
    remember,
)
from pipelines.printable import printable, printable_lines
from pipelines.publish.rows import is_mart_behind
from pipelines.publish.warehouse import Warehouse
from schemas.errors import EmberlineError
from sensors.failures import failed_checks, failed_runs
from sensors.jobs import BY_HAND, audit_job, follow_job, group_jobs, pipeline_job
from sensors.maintenance import maintenance_job
from sensors.schedule import newest_scheduled

_EVERY_S: Final = 30
_BEHIND: Final = "mart"
_RECEIVER: Final = "receiver"

_Read = TypeVar("_Read")


@dg.sensor(
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts on stale data, stalled feeds, an outdated warehouse, a receiver that is down, and failing "
    "pulls.",
)
def staleness_sensor(
    context: dg.SensorEvaluationContext,
    kafka: dg.ResourceParam[KafkaConnection],
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
    rules: dg.ResourceParam[Rules],
    alerting: dg.ResourceParam[Alerting],
    clock: dg.ResourceParam[Clock],
) -> dg.SensorResult:
    """Alert on stale or stalled parts; the cursor has since when. If it is lost, times start now."""
    now, unreadable = clock.now(), {}

    def read(source: str, how: Callable[[], _Read]) -> _Read | None:
        try:
            return how()
        except EmberlineError as error:
            unreadable[source] = error.cause
            return None

    waiting = read("Kafka", lambda: backlog(kafka, lake, rules.topics))
    lags = read("Kafka", lambda: partition_lags(kafka, lake, rules.topics))
    is_behind = read("what is published", lambda: _is_behind(warehouse, lake))
    limits = rules.pulls
    pulls = () if limits is None else read("Kafka", lambda: quiet_pulls(kafka, limits))
    fault = None if rules.receiver is None else fault_of(rules.receiver)
    true_now = {_place(lag) for lag in lags or [] if lag.records}
    true_now |= {name for name, holds in ((_BEHIND, is_behind), (_RECEIVER, fault)) if holds}
    true_now |= {_pull(pull) for pull in pulls or () if pull.since is None}
    since = remember(_since(context.cursor), true_now, now)
    signals = Signals(
        waiting,
        None if lags is None else tuple(_feed(lag, since) for lag in lags),
        is_behind is not None,
        since.get(_BEHIND),
        unreadable,
        None if rules.receiver is None else Receiver(since.get(_RECEIVER), fault),
        None if pulls is None else tuple(replace(pull, since=pull.since or since.get(_pull(pull))) for pull in pulls),
    )
    found = judge(signals, Limits(), now, newest_scheduled(rules, now))
    summary = _report(context, warehouse, alerting, found, now)
    cursor = json.dumps({name: time.isoformat() for name, time in since.items()})
    return dg.SensorResult(skip_reason=summary, cursor=cursor)


@dg.sensor(
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts when the newest run of a job failed.",
)
def run_failure_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    alerting: dg.ResourceParam[Alerting],
    clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Open an alert per failed job, until a run of it succeeds."""
    jobs = [job.name for job in (pipeline_job, follow_job, *group_jobs, audit_job, maintenance_job)]
    failed = failed_runs(context.instance, [*jobs, BY_HAND])
    return dg.SkipReason(_report(context, warehouse, alerting, judge_failures(RUN_FAILED, failed), clock.now()))


@dg.sensor(
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts when an expectation does not hold for the newest version of a table.",
)
def check_failure_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    alerting: dg.ResourceParam[Alerting],
    clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Open an alert per failed table, until its check passes."""
    found = judge_failures(CHECK_FAILED, failed_checks(context.instance))
    return dg.SkipReason(_report(context, warehouse, alerting, found, clock.now()))


def _report(
    context: dg.SensorEvaluationContext, warehouse: Warehouse, alerting: Alerting, found: Findings, now: dt.datetime
) -> str:
    """Write findings to the ledger, log changes, and return a summary line; `alerts_sensor` delivers notices."""
    warehouse.prepare()
    for notice in report(warehouse.url, found, alerting, now).notices:
        alert = notice.alert
        if notice.event == "firing":
            message = printable_lines(f"{alert.known.reason} Next: {alert.known.details[NEXT_STEP]}")
            context.log.warning(f"{alert.rule} of {printable(alert.subject)}: {message}")
        elif notice.event == "recovered":
            context.log.info(printable(f"Good again: {alert.rule} of {alert.subject}."))
    if not found.findings:
        return "Nothing is wrong." if found.rules else "Nothing could be judged."
    return printable("; ".join(f"{one.rule} of {one.subject}" for one in found.findings))


def _is_behind(warehouse: Warehouse, lake: Lake) -> bool:
    warehouse.prepare()
    return is_mart_behind(lake, warehouse.lake_state())


def _feed(lag: PartitionLag, since: dict[str, dt.datetime]) -> Feed:
    return Feed(lag.topic, lag.partition, lag.records, since.get(_place(lag)), lag.held_back, lag.held_since)


def _place(lag: PartitionLag) -> str:
    """Return the key of a partition at a position; a key that stays the same is a stalled partition."""
    return f"{lag.topic}/{lag.partition} at {lag.position}"


def _pull(pull: QuietPull) -> str:
    """Return the key of a pull; one that was never pulled counts from its first evaluation."""
    return f"pull {pull.name}"


def _since(cursor: str | None) -> dict[str, dt.datetime]:
    return {name: dt.datetime.fromisoformat(time) for name, time in json.loads(cursor or "{}").items()}
