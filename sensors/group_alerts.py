"""`alerts_sensor`: alerts on dying groups, stale feeds and metrics."""

from __future__ import annotations

import datetime as dt
import json
from typing import Final

import dagster as dg

from assets.resources import Clock, Rules
from pipelines.alerts.metrics import look_at_metrics
from pipelines.alerts.watch import Alerting, Looked, is_due, is_read_up, look, tell
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
    description="Alerts on dying groups, stale feeds and metrics, after a publication and every ten minutes, and "
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
    looked, said = _looked(context.cursor), []
    lake_state = warehouse.lake_state()
    if is_due(looked, lake_state, now):
        decision = look(warehouse, lake, alerting, now, read_up=is_read_up(_backlog(kafka, lake, rules), now))
        of_metrics, evaluated = look_at_metrics(warehouse, alerting, looked.metrics if looked else {}, now)
        looked = Looked(now, lake_state, evaluated)
        said.append(f"{len(decision.notices)} things to tell of groups and feeds")
        if of_metrics.notices:
            said.append(f"{len(of_metrics.notices)} of metrics")
    for name, delivered in tell(warehouse.url, alerting, now).items():
        if delivered.error is not None:
            context.log.warning(printable_lines(delivered.error))
            said.append(f"{name} failed")
        if delivered.notices:
            said.append(f"{name} took {delivered.notices} notices in {delivered.messages} messages")
    return dg.SensorResult(skip_reason="; ".join(said) or "Nothing to tell.", cursor=_cursor(looked))


def _backlog(kafka: KafkaConnection, lake: Lake, rules: Rules) -> Backlog | None:
    try:
        return backlog(kafka, lake, rules.topics)
    except EmberlineError:  # the staleness sensor tells of it
        return None


def _looked(cursor: str | None) -> Looked | None:
    if cursor is None:
        return None
    stored = json.loads(cursor)
    return Looked(dt.datetime.fromisoformat(stored["at"]), stored["lake_state"], stored.get("metrics", {}))


def _cursor(looked: Looked | None) -> str | None:
    if looked is None:
        return None
    return json.dumps({"at": looked.at.isoformat(), "lake_state": looked.lake_state, "metrics": dict(looked.metrics)})
