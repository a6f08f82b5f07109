"""Whether to ask for an ingest run now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_NAMED: Final = 3


@dataclass(frozen=True)
class Backlog:
    """What Kafka holds beyond the lake's `raw`, and `raw` beyond `events`.

    `records` offsets wait (markers of transactions among them); the oldest that is still unread in Kafka was written
    at `oldest` (Kafka's time, UTC; None where nothing is unread or its time is unknown). `rulings` of people, about
    events and links, are not followed yet.
    """

    records: int
    oldest: dt.datetime | None
    rulings: int = 0


@dataclass(frozen=True)
class Runs:
    """How many runs are queued or running; of the job, when the newest failed if it did, and how many in a row."""

    in_flight: int
    failed_at: dt.datetime | None = None
    failures: int = 0


@dataclass(frozen=True)
class Patience:
    """When a backlog is worth a run: so many records, or the oldest this old; after failures the wait doubles.

    `after_schedule`: so long the schedule itself may take to begin its run.
    """

    records: int = 50_000
    age: dt.timedelta = dt.timedelta(seconds=5)
    after_failure: dt.timedelta = dt.timedelta(seconds=30)
    longest_wait: dt.timedelta = dt.timedelta(minutes=15)
    after_schedule: dt.timedelta = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Decision:
    """Whether to act, and why (or why not), for a person."""

    act: bool
    reason: str


def decide_ingest(
    backlog: Backlog | None,
    runs: Runs,
    patience: Patience,
    now: dt.datetime,
    scheduled: dt.datetime | None = None,
) -> Decision:
    """One run at a time; by count, by age or by schedule; with growing back-off while runs fail.

    Args:
        backlog: None where Kafka or the lake could not be read, or there was no need to.
        runs: of the ingest job.
        patience: the thresholds.
        now: the clock, UTC.
        scheduled: the newest time at which a run was to begin, UTC; None: runs follow Kafka.
    """
    if runs.in_flight:
        return Decision(False, "A run is in flight; it reads what is there now.")
    if backlog is None:
        return Decision(False, "The backlog could not be read.")
    if runs.failed_at is not None:
        # A run that failed half way leaves work behind Kafka that no lag tells of.
        if now < runs.failed_at + _wait(runs.failures, patience):
            return Decision(False, f"The last {runs.failures} runs failed; the next try waits.")
        return Decision(True, f"The last {runs.failures} runs failed; it is time for the next try.")
    if backlog.rulings:
        return Decision(True, f"Rulings of people that are not followed yet: {backlog.rulings:,}.")
    if not backlog.records:
        return Decision(False, "Nothing is unread.")
    if scheduled is not None:
        return _decide_scheduled(backlog, patience, now, scheduled)
    if backlog.records >= patience.records:
        return Decision(True, f"Unread records: {backlog.records:,}.")
    if backlog.oldest is None or now - backlog.oldest >= patience.age:
        return Decision(True, f"Unread records: {backlog.records:,}; the oldest has waited long enough.")
    return Decision(False, f"Unread records: {backlog.records:,}, all of them fresh.")


def _decide_scheduled(backlog: Backlog, patience: Patience, now: dt.datetime, scheduled: dt.datetime) -> Decision:
    """Whether a run has to read what the scheduled one left: it was bounded, or nothing was there to begin it."""
    if backlog.oldest is None or backlog.oldest > scheduled:
        return Decision(False, "All that was there at the scheduled time is read.")
    if now < scheduled + patience.after_schedule:
        return Decision(False, "The scheduled run is about to begin.")
    return Decision(True, f"Of {backlog.records} unread records some are from before the scheduled time.")


def decide_follow(behind: Collection[str], runs: Runs, patience: Patience, now: dt.datetime) -> Decision:
    """Ask for what is behind, after the runs in flight; with growing back-off while runs fail.

    Args:
        behind: the names of tables that do not include their inputs as they are.
        runs: of the jobs that bring such tables up to date.
        patience: the back-off.
        now: the clock, UTC.
    """
    if runs.in_flight:
        return Decision(False, "A run is in flight; what is behind shows after it.")
    if not behind:
        return Decision(False, "All tables include their inputs as they are.")
    if runs.failed_at is not None and now < runs.failed_at + _wait(runs.failures, patience):
        return Decision(False, f"The last {runs.failures} runs failed; the next try waits.")
    named = sorted(behind)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return Decision(True, f"{', '.join(named[:_NAMED])}{more} do not include their inputs as they are.")


def _wait(failures: int, patience: Patience) -> dt.timedelta:
    return min(patience.after_failure * 2 ** min(max(failures - 1, 0), 16), patience.longest_wait)
