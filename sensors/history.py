"""Prune Dagster's history of runs and events.

Dagster's `retention` in dagster.yaml prunes ticks, and its API deletes runs. Results of checks remain, as do events
that belong to no run: Dagster has no API for these, so they are deleted by SQL on its tables. This is the only module
that knows them; see docs/dependencies.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg
import sqlalchemy as sa

from pipelines.operations.maintenance import EndedRun, MaintenancePolicy, runs_to_prune

_ENDED: Final = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_LOOKED_AT: Final = 2000
"""Most runs per pass: maintenance stays short, and catches up hour by hour."""

_checks: Final = sa.table(
    "asset_check_executions",
    *map(sa.column, ("id", "run_id", "asset_key", "check_name", "execution_status")),
)
_events: Final = sa.table(
    "event_logs", *map(sa.column, ("id", "run_id", "timestamp", "asset_key", "dagster_event_type"))
)
_OF_NO_RUN: Final = ""


@dataclass(frozen=True)
class Pruned:
    """Number of pruned runs, and of events that belonged to no run."""

    runs: int
    events: int


def prune_history(instance: dg.DagsterInstance, policy: MaintenancePolicy, now: dt.datetime) -> Pruned:
    """Prune runs and events beyond the retention, except runs with the newest result of an asset or a check."""
    with _storage(instance) as connection:
        needed = set(connection.execute(_runs_of_newest_checks()).scalars())
    needed |= _runs_of_newest_materializations(instance)
    ended = dg.RunsFilter(statuses=_ENDED)
    records = instance.get_run_records(ended, limit=_LOOKED_AT, ascending=True)
    pruned = runs_to_prune(
        [_ended_run(record) for record in records], instance.get_runs_count(ended), needed, policy, now
    )
    for run_id in pruned:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    with _storage(instance) as connection:
        connection.execute(sa.delete(_checks).where(_checks.c.run_id.in_(pruned)))
        events = connection.execute(_delete_events(_naive(now - policy.keep_runs_for))).rowcount
    return Pruned(len(pruned), events)


@contextmanager
def _storage(instance: dg.DagsterInstance) -> Iterator[sa.Connection]:
    """Open a transaction in the database of the instance."""
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        yield connection
        if connection.in_transaction():
            connection.commit()


def _runs_of_newest_materializations(instance: dg.DagsterInstance) -> set[str]:
    newest = instance.get_latest_materialization_events(instance.get_asset_keys())
    return {event.run_id for event in newest.values() if event is not None}


def _runs_of_newest_checks() -> sa.Select[Any]:
    """Return the runs with the newest result of each check; a skipped check leaves a row without one."""
    newest = (
        sa.select(sa.func.max(_checks.c.id))
        .where(_checks.c.execution_status.in_(["SUCCEEDED", "FAILED"]))
        .group_by(_checks.c.asset_key, _checks.c.check_name)
    )
    return sa.select(_checks.c.run_id).where(_checks.c.id.in_(newest)).distinct()


def _delete_events(before: dt.datetime) -> sa.Delete:
    """Delete old events that belong to no run, such as changes of freshness, except the newest per kind and asset."""
    newest = sa.select(sa.func.max(_events.c.id)).group_by(_events.c.asset_key, _events.c.dagster_event_type)
    return sa.delete(_events).where(
        _events.c.run_id == _OF_NO_RUN,
        _events.c.timestamp < before,
        _events.c.id.not_in(newest.where(_events.c.run_id == _OF_NO_RUN)),
    )


def _ended_run(record: dg.RunRecord) -> EndedRun:
    # A run that was cancelled in the queue has no end.
    end = record.end_time or record.update_timestamp.timestamp()
    return EndedRun(record.dagster_run.run_id, dt.datetime.fromtimestamp(end, dt.UTC))


def _naive(time: dt.datetime) -> dt.datetime:
    """Dagster stores UTC without a zone."""
    return time.astimezone(dt.UTC).replace(tzinfo=None)
