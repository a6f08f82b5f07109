"""Read the newest runs from Dagster's instance."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import dagster as dg

_SHOWN: Final = 5


@dataclass(frozen=True)
class Run:
    """A run: its start, its duration (None while it runs), and the tables whose checks failed."""

    run_id: str
    job: str
    status: str
    started_at: dt.datetime | None
    seconds: float | None
    failed_checks: tuple[str, ...]


def newest_runs(instance: dg.DagsterInstance) -> list[Run]:
    """Return the newest runs, newest first."""
    return [_run(instance, record) for record in instance.get_run_records(limit=_SHOWN)]


def _run(instance: dg.DagsterInstance, record: dg.RunRecord) -> Run:
    began, ended = record.start_time, record.end_time
    return Run(
        run_id=record.dagster_run.run_id,
        job=record.dagster_run.job_name,
        status=record.dagster_run.status.value.lower(),
        started_at=None if began is None else dt.datetime.fromtimestamp(began, dt.UTC),
        seconds=None if began is None or ended is None else ended - began,
        failed_checks=tuple(_failed_checks(instance, record.dagster_run.run_id)),
    )


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    evaluations = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    found = []
    for record in evaluations:
        event = record.event_log_entry.dagster_event
        evaluation = event.asset_check_evaluation_data if event else None
        if evaluation is not None and not evaluation.passed:
            found.append(evaluation.asset_key.to_user_string())
    return found
