"""Whether to ask for an ingest run now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_NAMED: Final = 3


@dataclass(frozen=True)
class Backlog:
    """Records in Kafka that the lake's `raw` does not have yet, and records of `raw` not decoded to `events` yet.

    `records` is the number of such offsets (transaction markers among them); the oldest unread record was written at
    `oldest` (Kafka's timestamp, UTC; None if nothing is unread or the time is unknown). `rulings` is the number of
    rulings of people, on events and links, that are not applied yet.
    """

    records: int
    oldest: dt.datetime | None
    rulings: int = 0


@dataclass(frozen=True)
class Runs:
    """Runs of the job in flight (queued or running), failed runs in a row, and when the newest failed."""

    in_flight: int
    failed_at: dt.datetime | None = None
    failures: int = 0


@dataclass(frozen=True)
class StartPolicy:
    """When a backlog starts a run: by number of records or age of the oldest; after failures the back-off doubles.

    `after_schedule`: how long the schedule itself may take to start its run.
    """

    records: int = 50_000
    age: dt.timedelta = dt.timedelta(seconds=5)
    after_failure: dt.timedelta = dt.timedelta(seconds=30)
    longest_wait: dt.timedelta = dt.timedelta(minutes=15)
    after_schedule: dt.timedelta = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Decision:
    """Whether to act, and the reason in words."""

    act: bool
    reason: str


def decide_ingest(
    backlog: Backlog | None,
    runs: Runs,
    policy: StartPolicy,
    now: dt.datetime,
    scheduled: dt.datetime | None = None,
) -> Decision:
    """Decide on an ingest run by count, age or schedule: one run at a time, with growing back-off while runs fail.

    Args:
        backlog: None if Kafka or the lake could not be read, or need not be.
        runs: Runs of the ingest job.
        policy: Thresholds and back-off.
        now: The clock, UTC.
        scheduled: The newest scheduled start of a run, UTC; None: runs follow Kafka.
    """
    if runs.in_flight:
        return Decision(False, "A run is in flight; it reads what is there now.")
    if backlog is None:
        return Decision(False, "The backlog could not be read.")
    if runs.failed_at is not None:
        # A run that failed half way leaves undecoded records in `raw`, which Kafka's lag does not show.
        if now < runs.failed_at + _wait(runs.failures, policy):
            return Decision(False, f"The last {runs.failures} runs failed; the next try waits.")
        return Decision(True, f"The last {runs.failures} runs failed; it is time for the next try.")
    if backlog.rulings:
        return Decision(True, f"Rulings of people that are not applied yet: {backlog.rulings:,}.")
    if not backlog.records:
        return Decision(False, "Nothing is unread.")
    if scheduled is not None:
        return _decide_scheduled(backlog, policy, now, scheduled)
    if backlog.records >= policy.records:
        return Decision(True, f"Unread records: {backlog.records:,}.")
    if backlog.oldest is None or now - backlog.oldest >= policy.age:
        return Decision(True, f"Unread records: {backlog.records:,}; the oldest has waited long enough.")
    return Decision(False, f"Unread records: {backlog.records:,}, all of them fresh.")


def _decide_scheduled(backlog: Backlog, policy: StartPolicy, now: dt.datetime, scheduled: dt.datetime) -> Decision:
    """Decide whether to read what the scheduled run left: it was limited, or it never started."""
    if backlog.oldest is None or backlog.oldest > scheduled:
        return Decision(False, "All records from before the scheduled time are read.")
    if now < scheduled + policy.after_schedule:
        return Decision(False, "The scheduled run is about to start.")
    return Decision(True, f"Of {backlog.records} unread records some are from before the scheduled time.")


def decide_follow(behind: Collection[str], runs: Runs, policy: StartPolicy, now: dt.datetime) -> Decision:
    """Decide on a run for outdated tables, after the runs in flight; with growing back-off while runs fail.

    Args:
        behind: Names of tables that do not include the current version of their inputs.
        runs: Runs of the jobs that refresh such tables.
        policy: The back-off.
        now: The clock, UTC.
    """
    if runs.in_flight:
        return Decision(False, "A run is in flight; tables are compared after it.")
    if not behind:
        return Decision(False, "All tables include the current version of their inputs.")
    if runs.failed_at is not None and now < runs.failed_at + _wait(runs.failures, policy):
        return Decision(False, f"The last {runs.failures} runs failed; the next try waits.")
    named = sorted(behind)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return Decision(True, f"{', '.join(named[:_NAMED])}{more} do not include the current version of their inputs.")


def _wait(failures: int, policy: StartPolicy) -> dt.timedelta:
    return min(policy.after_failure * 2 ** min(max(failures - 1, 0), 16), policy.longest_wait)
