"""What is wrong with the pipeline now: findings over signals, for the ledger of alerts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pipelines.operations.backlog import Backlog
from schemas.expectations import Severity

UNREADABLE: Final = "source_unreadable"
STALE: Final = "data_stale"
BEHIND: Final = "warehouse_behind"
HELD_BACK: Final = "feed_held_back"
STALLED: Final = "feed_stalled"
RUN_FAILED: Final = "run_failed"
CHECK_FAILED: Final = "check_failed"
RECEIVER_DOWN: Final = "receiver_down"
PULL_STALE: Final = "pull_stale"

RULES: Final = (UNREADABLE, STALE, BEHIND, HELD_BACK, STALLED, RUN_FAILED, CHECK_FAILED, RECEIVER_DOWN, PULL_STALE)
"""All rules of alerts on the pipeline itself."""


@dataclass(frozen=True)
class Finding:
    """A current problem: `rule` names it, `subject` is what has it, `message` gives numbers, `next_step` the remedy."""

    rule: str
    subject: str
    severity: Severity
    message: str
    next_step: str


@dataclass(frozen=True)
class Feed:
    """A partition: how many offsets are unread, and since when its position is stalled although some are.

    `held_back` offsets have been blocked by an open transaction since `held_since`.
    """

    topic: str
    partition: int
    unread: int
    still_since: dt.datetime | None = None
    held_back: int = 0
    held_since: dt.datetime | None = None

    @property
    def name(self) -> str:
        """Topic and partition."""
        return f"{self.topic}, partition {self.partition}"


@dataclass(frozen=True)
class Receiver:
    """The webhook receiver: since when and why it is down; both None if it is up."""

    down_since: dt.datetime | None
    fault: str | None


@dataclass(frozen=True)
class PullLimits:
    """Longest time without a successful round for each pull of the settings, by name; `topic` holds their cursors."""

    topic: str
    limits: Mapping[str, dt.timedelta]


@dataclass(frozen=True)
class QuietPull:
    """A pull.

    Attributes:
        name: Name of the pull.
        since: When a round last succeeded, or when it was first checked, UTC; None if no process has pulled it yet.
        error: Why the newest round failed; None if it succeeded.
        limit: Longest time without a successful round.
    """

    name: str
    since: dt.datetime | None
    error: str | None
    limit: dt.timedelta


@dataclass(frozen=True)
class Signals:
    """Signals of the pipeline; None if one could not be read. Times are UTC.

    `receiver` is None if there are no routes, `pulls` is empty if there are none. `behind_since`: since when `mart`
    has differed from the facts in the lake, None if it does not; `is_behind_known`: whether that could be read.
    `unreadable`: what could not be read, and why.
    """

    backlog: Backlog | None
    feeds: tuple[Feed, ...] | None
    is_behind_known: bool
    behind_since: dt.datetime | None
    unreadable: Mapping[str, str]
    receiver: Receiver | None = None
    pulls: tuple[QuietPull, ...] | None = ()


@dataclass(frozen=True)
class Limits:
    """Thresholds of the rules."""

    stale: dt.timedelta = dt.timedelta(minutes=10)
    behind: dt.timedelta = dt.timedelta(minutes=10)
    held_back: dt.timedelta = dt.timedelta(minutes=15)
    still: dt.timedelta = dt.timedelta(minutes=10)
    receiver: dt.timedelta = dt.timedelta(minutes=2)


@dataclass(frozen=True)
class Findings:
    """Problems found, and the rules that were evaluated: such a rule without a finding is healthy."""

    findings: tuple[Finding, ...]
    rules: frozenset[str]


@dataclass(frozen=True)
class Failure:
    """A job or check whose newest run failed: its subject, what was found, and what to do."""

    subject: str
    message: str
    next_step: str
    is_critical: bool = True


def judge(signals: Signals, limits: Limits, now: dt.datetime, scheduled: dt.datetime | None = None) -> Findings:
    """Find what is stale or stalled; for a signal that could not be read, only `source_unreadable` is evaluated.

    Args:
        signals: The signals.
        limits: The thresholds.
        now: The clock, UTC.
        scheduled: The newest scheduled start of a run, UTC; later records wait for the next one. None: runs follow
            Kafka.
    """
    findings = [
        Finding(UNREADABLE, source, "critical", error, f"Check that {source} runs and answers.")
        for source, error in signals.unreadable.items()
    ]
    rules = {UNREADABLE, RECEIVER_DOWN}
    if signals.backlog is not None:
        rules.add(STALE)
        findings += _stale(signals.backlog, limits, now, scheduled)
    if signals.is_behind_known:
        rules.add(BEHIND)
        findings += _behind(signals.behind_since, limits, now)
    if signals.feeds is not None:
        rules |= {HELD_BACK, STALLED}
        findings += _feeds(signals, limits, now, scheduled)
    if signals.receiver is not None:
        findings += _receiver(signals.receiver, limits, now)
    if signals.pulls is not None:
        rules.add(PULL_STALE)
        findings += _pulls(signals.pulls, now)
    return Findings(tuple(findings), frozenset(rules))


def judge_failures(rule: str, failures: Iterable[Failure] | None) -> Findings:
    """Return one finding per failure; `failures` is None if they could not be read."""
    if failures is None:
        return Findings((), frozenset())
    findings = [
        Finding(rule, failed.subject, "critical" if failed.is_critical else "warning", failed.message, failed.next_step)
        for failed in failures
    ]
    return Findings(tuple(findings), frozenset({rule}))


def remember(since: Mapping[str, dt.datetime], true_now: Collection[str], now: dt.datetime) -> dict[str, dt.datetime]:
    """Return since when each key has been present without a break, given the previous result `since`."""
    return {name: since.get(name, now) for name in true_now}


def _due(backlog: Backlog | None, now: dt.datetime, scheduled: dt.datetime | None) -> dt.timedelta | None:
    """Return how long the oldest unread record has been due; None if there is none or its time is unknown."""
    if backlog is None or not backlog.records or backlog.oldest is None:
        return None
    if scheduled is None:
        return now - backlog.oldest
    return now - scheduled if backlog.oldest <= scheduled else None


def _stale(backlog: Backlog, limits: Limits, now: dt.datetime, scheduled: dt.datetime | None) -> Iterable[Finding]:
    due = _due(backlog, now, scheduled)
    if backlog.oldest is not None and due is not None and due >= limits.stale:
        waited = _minutes(now - backlog.oldest)
        yield Finding(
            STALE,
            "pipeline",
            "critical",
            f"{backlog.records:,} records are unread, the oldest for {waited} minutes.",
            "See in Dagster whether runs fail or none is started; `emberline run` catches up by hand.",
        )


def _behind(since: dt.datetime | None, limits: Limits, now: dt.datetime) -> Iterable[Finding]:
    if since is not None and now - since >= limits.behind:
        yield Finding(
            BEHIND,
            "mart",
            "critical",
            f"The facts in the lake have been newer than what is published for {_minutes(now - since)} minutes.",
            "See in Dagster whether a check blocks the publication or runs fail.",
        )


def _feeds(signals: Signals, limits: Limits, now: dt.datetime, scheduled: dt.datetime | None) -> Iterable[Finding]:
    due = None if scheduled is None else _due(signals.backlog, now, scheduled)
    # Positions do not move between scheduled runs.
    may_stall = scheduled is None or (due is not None and due >= limits.still)
    for feed in signals.feeds or ():
        if feed.held_back and feed.held_since is not None and now - feed.held_since >= limits.held_back:
            yield Finding(
                HELD_BACK,
                feed.name,
                "critical",
                f"An open transaction has blocked {feed.held_back:,} offsets for "
                f"{_minutes(now - feed.held_since)} minutes.",
                "End the producer's transaction, or abort it with kafka-transactions.sh.",
            )
        if may_stall and feed.unread and feed.still_since is not None and now - feed.still_since >= limits.still:
            yield Finding(
                STALLED,
                feed.name,
                "critical",
                f"{feed.unread:,} offsets are unread and none was read for {_minutes(now - feed.still_since)} minutes.",
                "See the newest runs in Dagster for errors on this partition.",
            )


def _receiver(receiver: Receiver, limits: Limits, now: dt.datetime) -> Iterable[Finding]:
    if receiver.down_since is not None and now - receiver.down_since >= limits.receiver:
        yield Finding(
            RECEIVER_DOWN,
            "receiver",
            "critical",
            f"No webhook has been accepted for {_minutes(now - receiver.down_since)} minutes: {receiver.fault}. "
            "Platforms retry for some hours at most.",
            "See receiver.log in the state folder; `emberline up` starts it if it does not run.",
        )


def _pulls(pulls: Iterable[QuietPull], now: dt.datetime) -> Iterable[Finding]:
    for pull in pulls:
        if pull.since is not None and now - pull.since >= pull.limit:
            why = f": {pull.error}" if pull.error else "."
            yield Finding(
                PULL_STALE,
                pull.name,
                "critical",
                f"No round of pull {pull.name} has succeeded for {_minutes(now - pull.since)} minutes{why}",
                f"emberline pull {pull.name} shows what fails; `emberline up` starts the puller if it does not run.",
            )


def _minutes(span: dt.timedelta) -> int:
    return int(span.total_seconds() // 60)
