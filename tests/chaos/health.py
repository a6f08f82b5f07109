"""Whether the pipeline came back by itself: nothing is unread, nothing hangs, and it goes on looking."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg
import polars as pl

from pipelines.ingest.lag import backlog
from schemas import warehouse as mart
from schemas.errors import EmberlineError
from schemas.lake import EVENTS
from tests.chaos.faults import Incident
from tests.chaos.stack import Stack

_POLL_S: Final = 2.0
_TICK_WITHIN_S: Final = 180.0
_GOOD_TICK_WITHIN_S: Final = 600.0
"""Ten times the longest interval of a sensor: each has had another tick by then, also on a busy machine."""
_CAUSE_LENGTH: Final = 160
_NUMBERS: Final = re.compile(r"[0-9a-f-]*\d[0-9a-f-]*")
"""What makes two errors of one kind look different."""
_ENDED: Final = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass(frozen=True)
class Runs:
    """The runs of a pipeline, newest first, and what made the failed ones fail, with how many it was."""

    records: list[dg.RunRecord]
    causes: Counter[str]

    @property
    def failed(self) -> int:
        """Runs that did not succeed."""
        return sum(record.dagster_run.status is dg.DagsterRunStatus.FAILURE for record in self.records)

    @property
    def in_flight(self) -> list[str]:
        """Runs that have not ended, each with its state."""
        statuses = ((record.dagster_run.run_id[:8], record.dagster_run.status) for record in self.records)
        return [f"{run_id} is {status.value}" for run_id, status in statuses if status not in _ENDED]

    @property
    def newest_succeeded(self) -> bool:
        """Did the run that was asked for last succeed."""
        return bool(self.records) and self.records[0].dagster_run.is_success

    def recovered_after(self, incident: Incident) -> float | None:
        """Seconds from the end of a fault to the end of the first run that began later and succeeded."""
        over = incident.over.timestamp()
        ends = [
            record.end_time
            for record in self.records
            if record.dagster_run.status is dg.DagsterRunStatus.SUCCESS
            and record.start_time is not None
            and record.start_time >= over
            and record.end_time is not None
        ]
        return min(ends) - over if ends else None


def runs(stack: Stack) -> Runs:
    """All runs so far."""
    records = list(stack.instance.get_run_records())
    failed = [record.dagster_run for record in records if record.dagster_run.is_failure]
    return Runs(records, Counter(_cause(stack.instance, run.run_id) for run in failed))


def unpublished(stack: Stack) -> str | None:
    """What Kafka or the lake has and the warehouse has not; None where it is current."""
    unread = backlog(stack.kafka, stack.lake, stack.topics).records
    if unread:
        return f"{unread} records are unread"
    newest = stack.lake.open(EVENTS).scan().select(pl.col("batch").max()).collect().item() or 0
    published = stack.warehouse.read(mart.publication)["events_batch"].max() or 0
    return None if published == newest else f"batch {newest} is not published, but {published}"


def wait_until_current(stack: Stack, seconds: float) -> str | None:
    """Wait until the warehouse is current and no run is in flight; what was still amiss after so many seconds."""
    deadline = time.monotonic() + seconds
    while (amiss := _amiss(stack)) is not None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return amiss


def silent_sensors(stack: Stack) -> list[str]:
    """Sensors that are on, and whose newest finished tick is old or failed, given time for one more."""
    deadline = time.monotonic() + _GOOD_TICK_WITHIN_S
    while (silent := _silent(stack, dt.datetime.now(dt.UTC))) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return silent


def _silent(stack: Stack, now: dt.datetime) -> list[str]:
    states = stack.instance.all_instigator_state()
    sensors = [state for state in states if state.is_running and _is_sensor(state)]
    ticks = {s.name: stack.instance.get_ticks(s.instigator_origin_id, s.selector_id, limit=5) for s in sensors}
    silent = ["there is none"] if not sensors else []
    for name, newest in ticks.items():
        finished = next((tick for tick in newest if tick.status.value != "STARTED"), None)
        if finished is None or finished.status.value == "FAILURE":
            silent.append(f"{name} fails")
        elif now.timestamp() - finished.timestamp > _TICK_WITHIN_S:
            silent.append(f"{name} has not ticked since {dt.datetime.fromtimestamp(finished.timestamp, dt.UTC):%X}")
    return silent


def _is_sensor(state: Any) -> bool:
    return state.instigator_type.value == "SENSOR"


def _amiss(stack: Stack) -> str | None:
    try:
        return unpublished(stack) or next(iter(runs(stack).in_flight), None)
    except EmberlineError as error:
        return str(error)


def _cause(instance: dg.DagsterInstance, run_id: str) -> str:
    """The error of the step that failed, as one line; else what Dagster says of the run."""
    of_type = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=of_type).records:
        event = record.event_log_entry.dagster_event
        error = event.step_failure_data.error if event is not None and event.is_step_failure else None
        while error is not None and error.cause is not None:
            error = error.cause
        said = error.message if error is not None else event.message if event is not None else None
        if said:
            return _NUMBERS.sub("…", said.strip().splitlines()[0])[:_CAUSE_LENGTH]
    return "no reason recorded"
