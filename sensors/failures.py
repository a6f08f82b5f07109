"""Newest failures in Dagster's instance: runs by job, checks by table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import dagster as dg

from assets.ingest import CENSUS_CHECK, OVER_MERGED_CHECK, SEQUENCE_CHECK, TOTALS_CHECK
from assets.warehouse import CHECK
from pipelines.lake_damage import damage_by_message
from pipelines.operations.staleness import Failure
from pipelines.system_refusals import refusal_in
from schemas.warehouse import DATA_TABLES, MART

CHECKS: Final = {
    **{table.name: dg.AssetCheckKey(dg.AssetKey([MART, table.name]), CHECK) for table in DATA_TABLES},
    "identity": dg.AssetCheckKey(dg.AssetKey("identity"), OVER_MERGED_CHECK),
    "payload_census": dg.AssetCheckKey(dg.AssetKey("payload_census"), CENSUS_CHECK),
    "control_total": dg.AssetCheckKey(dg.AssetKey("control_total"), TOTALS_CHECK),
    "sequence_range": dg.AssetCheckKey(dg.AssetKey("sequence_range"), SEQUENCE_CHECK),
}
"""The checks by table."""

_NEXT_STEP: Final = "\nNext: "
_DAGSTERS_DRIVER: Final = re.compile(r"\(psycopg2\.[\w.]+\) (.+)")
MEND_RECORDS: Final = "Fix what PostgreSQL names, then run again. Everything committed before is complete."
_ENDED: Final = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


class _WithResult(Enum):
    """The states of an execution of a check that has a result; one of a table that a run did not touch has none."""

    PASSED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Cause:
    """Why a step failed: `text` for people, and the stack trace if it is not an error of this project (a defect)."""

    text: str
    trace: str | None = None


def failed_runs(instance: dg.DagsterInstance, jobs: list[str]) -> list[Failure]:
    """Return the jobs whose newest ended run failed."""
    found = []
    for job in jobs:
        newest = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1)
        if newest and newest[0].dagster_run.status is dg.DagsterRunStatus.FAILURE:
            run_id = newest[0].dagster_run.run_id
            cause, _, next_step = _cause_of_run(instance, run_id).text.partition(_NEXT_STEP)
            found.append(Failure(job, " ".join(cause.split()), next_step or f"See run {run_id} in Dagster."))
    return found


def failed_checks(instance: dg.DagsterInstance) -> list[Failure] | None:
    """Return the tables whose newest evaluation broke an expectation; None if there is no evaluation yet."""
    evaluations = newest_evaluations(instance)
    if not evaluations:
        return None
    return [_failed_check(name, found) for name, found in evaluations.items() if not found.passed]


def newest_evaluations(instance: dg.DagsterInstance) -> dict[str, Any]:
    """Return the newest check result by table: `passed`, `severity`, ..."""
    storage: Any = instance.event_log_storage
    newest = storage.get_latest_asset_check_execution_by_key(list(CHECKS.values()))
    found = {}
    for name, key in CHECKS.items():
        evaluation = _evaluation(newest.get(key))
        if evaluation is None and key in newest:
            with_result = storage.get_asset_check_execution_history(check_key=key, limit=1, status=set(_WithResult))
            evaluation = _evaluation(next(iter(with_result), None))
        if evaluation is not None:
            found[name] = evaluation
    return found


def _failed_check(table: str, evaluation: Any) -> Failure:
    is_critical = evaluation.severity is dg.AssetCheckSeverity.ERROR
    effect = "The publication is blocked" if is_critical else "It was published nevertheless"
    return Failure(
        table,
        evaluation.description or "An expectation does not hold.",
        f"{effect}; see the check of {CHECKS[table].asset_key.to_user_string()} in Dagster.",
        is_critical,
    )


def cause_of(error: Any) -> Cause:
    """Return why a step failed, from the error that Dagster stored and its causes.

    The outermost error of this project is the one for people, not what a client or a store raised below it. Without
    one, it is the refusal of the operating system.
    """
    if error is None:
        return Cause("The step failed without an error: see the run in Dagster.")
    chain = [error]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    for found in chain:
        message = found.message.partition(": ")[2].strip()
        if _NEXT_STEP in message:
            return Cause(message)
    for found in chain:
        message = found.message.partition(": ")[2].strip()
        if explained := refusal_in(found.message) or damage_by_message(found.cls_name or "", message):
            return Cause(str(explained))
        # No other part uses this driver.
        if unrecorded := _DAGSTERS_DRIVER.search(found.message):
            return Cause(f"Dagster's records in PostgreSQL failed: {unrecorded[1]}{_NEXT_STEP}{MEND_RECORDS}")
    return Cause(chain[-1].message.strip(), error.to_string())


def _cause_of_run(instance: dg.DagsterInstance, run_id: str) -> Cause:
    failures = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    event = failures[0].event_log_entry.dagster_event if failures else None
    if event is None:
        return Cause("The run ended without its process saying why.")
    return cause_of(event.step_failure_data.error)


def _evaluation(execution: Any) -> Any:
    """Return the result of an execution of a check; None if it has none."""
    event = execution.event.dagster_event if execution is not None and execution.event else None
    if event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    return event.asset_check_evaluation_data
