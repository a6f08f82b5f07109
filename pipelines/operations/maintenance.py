"""What maintenance has to do: which partitions to compact, which runs to prune. Pure decisions over counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class MaintenancePolicy:
    """Retention of versions, values, runs and alerts, and when files are compacted.

    A partition of a lake table is compacted when it has more than `small_files` files under `small_bytes`. Files and
    log of versions older than `keep_versions` are removed: a reader of such a version fails. Values of decoded
    records are kept for `keep_values` after their Kafka timestamp, notes on interventions for `keep_notes`; None:
    forever. Dagster's history keeps the newest `keep_runs` runs, none older than `keep_runs_for`. Resolved alerts and
    delivered notices are kept for `keep_alerts`, restatements for `keep_restatements`.
    """

    small_files: int = 50
    small_bytes: int = 32 * 1024 * 1024
    keep_versions: dt.timedelta = dt.timedelta(hours=24)
    keep_values: dt.timedelta | None = dt.timedelta(days=90)
    keep_notes: dt.timedelta | None = None
    keep_runs: int = 1000
    keep_runs_for: dt.timedelta = dt.timedelta(days=7)
    keep_alerts: dt.timedelta = dt.timedelta(days=90)
    keep_restatements: dt.timedelta = dt.timedelta(days=400)


@dataclass(frozen=True)
class DataFile:
    """A data file of a table's newest version: its partition (column, value) pairs, and its bytes."""

    partition: tuple[tuple[str, str], ...]
    size: int


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended, with its end, UTC."""

    run_id: str
    ended_at: dt.datetime


@dataclass(frozen=True)
class Compaction:
    """A partition to compact, and how many small files it has."""

    partition: tuple[tuple[str, str], ...]
    small_files: int


def compactions(files: Iterable[DataFile], policy: MaintenancePolicy) -> list[Compaction]:
    """Return the partitions with too many small files, those with the most first."""
    counts: dict[tuple[tuple[str, str], ...], int] = {}
    for file in files:
        if file.size < policy.small_bytes:
            counts[file.partition] = counts.get(file.partition, 0) + 1
    due = [Compaction(partition, count) for partition, count in counts.items() if count > policy.small_files]
    return sorted(due, key=lambda found: (-found.small_files, found.partition))


def runs_to_prune(
    oldest: Sequence[EndedRun], ended: int, needed: Collection[str], policy: MaintenancePolicy, now: dt.datetime
) -> list[str]:
    """Return the runs to prune, oldest first.

    Args:
        oldest: The oldest ended runs, oldest first, as many as one pass considers.
        ended: How many ended runs there are.
        needed: Runs with the newest result of an asset or a check, which would count as never materialized without.
        policy: The retention.
        now: The clock, UTC.
    """
    surplus = ended - policy.keep_runs
    return [
        run.run_id
        for place, run in enumerate(oldest)
        if run.run_id not in needed and (place < surplus or run.ended_at < now - policy.keep_runs_for)
    ]
