"""What upkeep has to do: which files to put together, which runs to forget. Pure decisions over counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Upkeep:
    """What is kept, and when files are put together.

    A partition of a lake table is compacted when it has more than `small_files` files under `small_bytes`. Files and
    log of versions older than `keep_versions` are removed: who reads such a version still fails. Values of decoded
    records stay for `keep_values` after Kafka's time of them, None: for good. Of Dagster's history the newest
    `keep_runs` runs stay, none older than `keep_runs_for`. Resolved alerts and delivered notices stay for
    `keep_alerts`, restatements for `keep_restatements`.
    """

    small_files: int = 50
    small_bytes: int = 32 * 1024 * 1024
    keep_versions: dt.timedelta = dt.timedelta(hours=24)
    keep_values: dt.timedelta | None = dt.timedelta(days=90)
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
    """A run that has ended, and when, UTC."""

    run_id: str
    ended_at: dt.datetime


@dataclass(frozen=True)
class Compaction:
    """A partition to put together, and how many small files it has."""

    partition: tuple[tuple[str, str], ...]
    small_files: int


def compactions(files: Iterable[DataFile], upkeep: Upkeep) -> list[Compaction]:
    """The partitions with too many small files, most of them first."""
    counts: dict[tuple[tuple[str, str], ...], int] = {}
    for file in files:
        if file.size < upkeep.small_bytes:
            counts[file.partition] = counts.get(file.partition, 0) + 1
    crowded = [Compaction(partition, count) for partition, count in counts.items() if count > upkeep.small_files]
    return sorted(crowded, key=lambda found: (-found.small_files, found.partition))


def runs_to_forget(
    oldest: Sequence[EndedRun], ended: int, needed: Collection[str], upkeep: Upkeep, now: dt.datetime
) -> list[str]:
    """The runs to forget, oldest first.

    Args:
        oldest: The oldest ended runs, oldest first: as many as one pass shall look at.
        ended: How many ended runs there are.
        needed: Runs that hold what is newest of an asset or a check: without them it would count as never made.
        upkeep: What is kept.
        now: The clock, UTC.
    """
    surplus = ended - upkeep.keep_runs
    return [
        run.run_id
        for place, run in enumerate(oldest)
        if run.run_id not in needed and (place < surplus or run.ended_at < now - upkeep.keep_runs_for)
    ]
