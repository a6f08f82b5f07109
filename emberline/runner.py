"""One run of the pipeline in this process, and its outcome."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any, Final

import dagster as dg

from assets.resources import Progress
from emberline.definitions import build_defs
from emberline.instance import dagster_instance
from emberline.services import Services
from pipelines.ingest.counts import Counts, stored_counts
from pipelines.ingest.event_writer import BATCH
from pipelines.ingest.ignored import ignored_records
from pipelines.publish.errors import AnotherLake, RowsLost
from pipelines.quarantine import rejected_records
from schemas.lake import EVENTS
from sensors.failures import Cause, cause_of
from sensors.jobs import audit_job, follow_job, pipeline_job

_INTERRUPTIONS: Final = {KeyboardInterrupt.__name__, dg.DagsterExecutionInterruptedError.__name__}
_USER: Final = "user"
"""The tag with the launcher of a run, which Dagster's page shows."""

_COMMANDS: Final = {
    pipeline_job.name: "emberline run", follow_job.name: "emberline rebuild", audit_job.name: "emberline audit"
}  # fmt: skip


@dataclass(frozen=True)
class FailedCheck:
    """A failed check of the next version of a table; each message names table, expectation and rows."""

    table: str
    is_blocking: bool
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Rejected:
    """The number of rejected records by reason, with its most frequent detail."""

    reason: str
    records: int
    detail: str | None


@dataclass(frozen=True)
class Ignored:
    """The number of ignored records of a carrier by reason."""

    carrier: str
    reason: str
    records: int


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of a run.

    `counts` are of this run, `totals` of all history; `offsets_lost` are those of accepted gaps;
    `partitions_changed` is the larger of the numbers of days that `person_day` and `group_day` recomputed;
    `rows_changed` are the warehouse rows inserted, updated or deleted, by table; `version` is the published version,
    None if this run published none; `failure` is the error, if it failed.
    `is_refused`: it would have emptied tables, or the warehouse belongs to another lake.
    """

    run_id: str
    is_success: bool
    counts: Counts
    totals: Counts
    offsets_lost: int
    partitions_changed: int
    rows_changed: dict[str, int]
    version: int | None
    failed_checks: tuple[FailedCheck, ...]
    rejected: tuple[Rejected, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    failure: Cause | None = None
    is_refused: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether records were read, days recomputed or rows published."""
        return bool(self.counts.raw or self.partitions_changed or any(self.rows_changed.values()))

    @property
    def is_blocked(self) -> bool:
        """Whether a failed check or the guard of the warehouse prevented the publication."""
        return self.is_refused or any(check.is_blocking for check in self.failed_checks)


def run_pipeline(
    services: Services,
    progress: Progress,
    job_name: str = pipeline_job.name,
    *,
    accept_loss: bool = False,
    command: str | None = None,
) -> RunOutcome:
    """Run a job in this process, by default the one that drains Kafka; for `accept_loss` see `PublishConfig`.

    `command` is the launcher that Dagster's page shows; None: the default of the job.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; Dagster has recorded the run as failed.
    """
    lake, rules = services.lake(), services.rules()
    batch_before = lake.open(EVENTS).position(BATCH) or 0
    resources: dict[str, Any] = {
        **({"kafka": services.kafka()} if job_name == pipeline_job.name else {}),
        "lake": lake,
        "warehouse": services.warehouse(),
        "rules": replace(rules, limits=replace(rules.limits, run_rows=None)),
        "progress": progress,
    }
    job = build_defs(resources).resolve_job_def(job_name)
    config = {
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        "ops": {
            "publish": {"config": {"accept_loss": accept_loss, "is_audit": job_name == audit_job.name}},
        },
    }
    # Dagster's own messages are kept off the terminal: the outcome reports what failed.
    logging.getLogger("dagster").addHandler(logging.NullHandler())
    launched_by = {_USER: command or _COMMANDS[job_name]}
    with dagster_instance(services) as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=config, tags=launched_by)
    if any(error.cls_name in _INTERRUPTIONS for error in _errors(result)):
        raise KeyboardInterrupt
    found = rejected_records(lake, batch_before).select("reason", "records", "detail")
    rejected = tuple(Rejected(**row) for row in found.iter_rows(named=True))
    names = {topic: carrier.name for topic, carrier in rules.topics.items()}
    passed_over = ignored_records(lake, names, batch_before)
    ignored = tuple(Ignored(**row) for row in passed_over.iter_rows(named=True))
    return replace(_outcome(result, stored_counts(lake)), rejected=rejected, ignored=ignored)


@dataclass
class _Metadata:
    """The metadata of materialized assets, by asset key."""

    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def get(self, asset: str, name: str, default: Any = None) -> Any:
        value = self.values.get(asset, {}).get(name)
        return default if value is None else value.value


def _outcome(result: dg.ExecuteInProcessResult, totals: Counts) -> RunOutcome:
    metadata = _Metadata()
    for event in result.all_events:
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            metadata.values[materialization.asset_key.to_user_string()] = dict(materialization.metadata)
    mart = [key for key in metadata.values if key.startswith("mart/")]
    errors = _errors(result)
    return RunOutcome(
        run_id=result.run_id,
        is_success=result.success,
        counts=Counts(**{name: metadata.get("events", name, 0) for name in Counts.__dataclass_fields__}),
        totals=totals,
        offsets_lost=metadata.get("raw", "offsets_lost", 0),
        partitions_changed=max(metadata.get(asset, "days", 0) for asset in ("person_day", "group_day")),
        rows_changed={key.removeprefix("mart/"): metadata.get(key, "rows_changed", 0) for key in mart},
        version=next((metadata.get(key, "version") for key in mart), None),
        failed_checks=tuple(_failed_checks(result)),
        failure=None if result.success else cause_of(errors[0] if errors else None),
        is_refused=any(map(_is_refusal, errors)),
    )


def _errors(result: dg.ExecuteInProcessResult) -> list[Any]:
    """Return the errors of steps, then that of the run itself."""
    events = result.all_events
    steps = [event.step_failure_data.error for event in events if event.is_step_failure]
    run = [event.job_failure_data.error for event in events if event.is_job_failure]
    return [error for error in (*steps, *run) if error is not None]


def _is_refusal(error: Any) -> bool:
    while error is not None:
        if error.cls_name in {AnotherLake.__name__, RowsLost.__name__}:
            return True
        error = error.cause
    return False


def _value(recorded: dg.MetadataValue[Any]) -> Any:
    return recorded.value


def _failed_checks(result: dg.ExecuteInProcessResult) -> list[FailedCheck]:
    return [
        FailedCheck(
            table=evaluation.asset_key.to_user_string(),
            is_blocking=bool(evaluation.blocking) and evaluation.severity == dg.AssetCheckSeverity.ERROR,
            messages=tuple(_value(evaluation.metadata["failed"])),
        )
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    ]
