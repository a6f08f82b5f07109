"""`alerts_sensor`: alerts on dying groups, stale sources and metrics."""

from __future__ import annotations

import datetime as dt
import json
from typing import Final

import dagster as dg

from assets.resources import Clock, Rules
from pipelines.alerts.metrics import evaluate_metrics
from pipelines.alerts.watch import Alerting, LastEvaluation, deliver, evaluate_rules, is_due, is_read_up
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.lag import backlog
from pipelines.lake import Lake
from pipelines.operations.backlog import Backlog
from pipelines.printable import printable_lines
from pipelines.publish.warehouse import Warehouse
from schemas.errors import EmberlineError

_EVERY_S: Final = 30


@dg.sensor(
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts on dying groups, stale sources and metrics, after a publication and every ten minutes, and "
    "delivers pending notices.",
)
def alerts_sensor(
    context: dg.SensorEvaluationContext,
    kafka: dg.ResourceParam[KafkaConnection],
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
    rules: dg.ResourceParam[Rules],
    alerting: dg.ResourceParam[Alerting],
    clock: dg.ResourceParam[Clock],
) -> dg.SensorResult:
    """Evaluate and deliver; alerts and notices are stored in the warehouse, so a lost cursor only costs a tick."""
    now = clock.now()
    warehouse.prepare()
    last, said = _last_evaluation(context.cursor), []
    lake_state = warehouse.lake_state()
    if is_due(last, lake_state, now):
        decision = evaluate_rules(warehouse, lake, alerting, now, read_up=is_read_up(_backlog(kafka, lake, rules), now))
        of_metrics, evaluated = evaluate_metrics(warehouse, alerting, last.metrics if last else {}, now)
        last = LastEvaluation(now, lake_state, evaluated)
        said.append(f"{len(decision.notices)} new notices on groups and sources")
        if of_metrics.notices:
            said.append(f"{len(of_metrics.notices)} on metrics")
    for name, delivered in deliver(warehouse.url, alerting, now).items():
        if delivered.error is not None:
            context.log.warning(printable_lines(delivered.error))
            said.append(f"{name} failed")
        if delivered.notices:
            said.append(f"{name} took {delivered.notices} notices in {delivered.messages} messages")
    return dg.SensorResult(skip_reason="; ".join(said) or "No new notices.", cursor=_cursor(last))


def _backlog(kafka: KafkaConnection, lake: Lake, rules: Rules) -> Backlog | None:
    try:
        return backlog(kafka, lake, rules.topics)
    except EmberlineError:  # the staleness sensor reports it
        return None


def _last_evaluation(cursor: str | None) -> LastEvaluation | None:
    if cursor is None:
        return None
    stored = json.loads(cursor)
    return LastEvaluation(dt.datetime.fromisoformat(stored["at"]), stored["lake_state"], stored.get("metrics", {}))


def _cursor(last: LastEvaluation | None) -> str | None:
    if last is None:
        return None
    return json.dumps({"at": last.at.isoformat(), "lake_state": last.lake_state, "metrics": dict(last.metrics)})
