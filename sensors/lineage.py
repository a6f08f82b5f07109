"""Send what each run read and wrote to a collector of OpenLineage events, if one is set."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import dagster as dg

from pipelines.operations.open_lineage import Checked, Collector, EndedRun, LineageNotSent, Wrote

_EVERY_S: Final = 30
_RUNS_A_TICK: Final = 10
_OUTCOMES: Final = {
    dg.DagsterEventType.RUN_SUCCESS: "succeeded",
    dg.DagsterEventType.RUN_FAILURE: "failed",
    dg.DagsterEventType.RUN_CANCELED: "canceled",
}
_SENT: Final = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION}


@dg.sensor(
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends what each run read and wrote to the collector of lineage.url.",
)
def lineage_sensor(context: dg.SensorEvaluationContext, collector: dg.ResourceParam[Collector]) -> dg.SensorResult:
    """Send ended runs; the cursor has, per final status, up to where runs were sent, so that none is skipped."""
    cursors: dict[str, str] = json.loads(context.cursor or "{}")
    runs = events = 0
    reason = None
    try:
        for kind in _OUTCOMES:
            for cursor, run in _ended(context.instance, kind, cursors.get(kind.value)):
                if run is not None:
                    events += collector.send(run)
                    runs += 1
                cursors[kind.value] = cursor
    except LineageNotSent as error:
        context.log.warning(str(error))
        reason = error.cause
    summary = reason or (f"Sent {runs} runs in {events} events." if runs else "No run has ended.")
    return dg.SensorResult(skip_reason=summary, cursor=json.dumps(cursors))


def _ended(
    instance: dg.DagsterInstance, kind: dg.DagsterEventType, cursor: str | None
) -> Iterator[tuple[str, EndedRun | None]]:
    """Yield the oldest runs after the cursor with one final status, each with the next cursor.

    None is a run that was deleted since.
    """
    for _ in range(_RUNS_A_TICK):
        # One at a time, because a page of several has only one cursor.
        found = instance.fetch_run_status_changes(kind, limit=1, cursor=cursor, ascending=True)
        if not found.records:
            return
        cursor = found.cursor
        entry = found.records[0].event_log_entry
        yield cursor, _run(instance, entry.run_id, _OUTCOMES[kind])


def _run(instance: dg.DagsterInstance, run_id: str, outcome: Any) -> EndedRun | None:
    record = instance.get_run_record_by_id(run_id)
    if record is None or record.end_time is None:
        return None
    wrote, checked = [], []
    for found in instance.get_records_for_run(run_id, of_type=_SENT).records:
        event = found.event_log_entry.dagster_event
        if event is None:
            continue
        time = _utc(found.event_log_entry.timestamp)
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            made = event.step_materialization_data.materialization
            rows: Any = made.metadata.get("dagster/row_count")
            version = (made.tags or {}).get("dagster/data_version")
            wrote.append(Wrote(tuple(made.asset_key.path), time, None if rows is None else int(rows.value), version))
        else:
            judged = event.asset_check_evaluation_data
            checked.append(Checked(tuple(judged.asset_key.path), time, judged.check_name, judged.passed))
    started = _utc(record.start_time or record.end_time)
    return EndedRun(UUID(run_id), record.dagster_run.job_name, started, _utc(record.end_time), outcome, wrote, checked)


def _utc(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
