"""Whether to ask for an ingest run now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


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
    """When a backlog is worth a run: so many records, or the oldest this old; after failures the wait doubles."""

    records: int = 50_000
    age: dt.timedelta = dt.timedelta(seconds=5)
    after_failure: dt.timedelta = dt.timedelta(seconds=30)
    longest_wait: dt.timedelta = dt.timedelta(minutes=15)


@dataclass(frozen=True)
class Decision:
    """Whether to act, and why (or why not), for a person."""

    act: bool
    reason: str


def decide_ingest(backlog: Backlog | None, runs: Runs, patience: Patience, now: dt.datetime) -> Decision:
    """One run at a time; by count or by age; with growing patience while runs fail.

    Args:
        backlog: None where Kafka or the lake could not be read, or there was no need to.
        runs: of the ingest job.
        patience: the thresholds.
        now: the clock, UTC.
    """
    if runs.in_flight:
        return Decision(False, f"{runs.in_flight} run is in flight; it reads what is there now.")
    if backlog is None:
        return Decision(False, "The backlog could not be read.")
    if runs.failed_at is not None:
        # A run that failed half way leaves work behind Kafka that no lag tells of.
        if now < runs.failed_at + _wait(runs.failures, patience):
            return Decision(False, f"The last {runs.failures} runs failed; the next try waits.")
        return Decision(True, f"The last {runs.failures} runs failed; it is time for the next try.")
    if backlog.rulings:
        return Decision(True, f"{backlog.rulings} rulings of people are not followed yet.")
    if not backlog.records:
        return Decision(False, "Nothing is unread.")
    if backlog.records >= patience.records:
        return Decision(True, f"{backlog.records} records are unread.")
    if backlog.oldest is None or now - backlog.oldest >= patience.age:
        return Decision(True, f"The oldest of {backlog.records} unread records has waited long enough.")
    return Decision(False, f"{backlog.records} records are unread, all of them fresh.")


def _wait(failures: int, patience: Patience) -> dt.timedelta:
    return min(patience.after_failure * 2 ** min(max(failures - 1, 0), 16), patience.longest_wait)
