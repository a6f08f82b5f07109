"""A pull: reads an API to its end, and commits each page with its cursor."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from pipelines.carriers.pullers.base import (
    Answer,
    Api,
    Cursor,
    Moment,
    Page,
    Payload,
    RefusedByApi,
    Request,
    UnfitAnswer,
)
from pipelines.ingest.acknowledged import Prepare
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.pulling.back_off import BackOff
from pipelines.ingest.pulling.commit import MOST_BYTES, Commits, Record, commits
from pipelines.ingest.pulling.cursors import Outcome
from pipelines.ingest.pulling.http import ApiBusy, ApiUnreachable, HttpApi, refuse_failure
from schemas.errors import EmberlineError

TOO_LARGE: Final = f"payloads of more than {MOST_BYTES:,} bytes"

_TRANSIENT: Final = (ApiUnreachable, ApiBusy, UnfitAnswer)
_OF_API: Final = (*_TRANSIENT, RefusedByApi)
_REMEMBERED: Final = 50_000
_LEAST_PAUSE_S: Final = 0.2
"""Shortest pause between rounds of an API that holds requests, in case it does not hold them."""
_WRITTEN_EVERY: Final = dt.timedelta(seconds=30)


@dataclass(frozen=True)
class Source:
    """Source and destination of a pull.

    Attributes:
        name: Name of the pull.
        api: The puller, with secrets and options.
        url: Base address.
        topic: Topic of the payloads.
        prepare: Replaces texts by measures.
        interval_s: From the end of a round to the next one.
        is_held: Whether the API holds a request until there is something (long polling).
    """

    name: str
    api: Api
    url: str
    topic: str
    prepare: Prepare = list
    interval_s: float = 60
    is_held: bool = False


@dataclass
class Pulled:
    """Result of a round.

    Attributes:
        payloads: Number of payloads sent to Kafka.
        pages: Number of answers read.
        skipped: Number of skipped items by reason.
        gaps: Sentences on data that is no longer available.
    """

    payloads: int = 0
    pages: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    gaps: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Hooks:
    """Callbacks of a pull.

    Attributes:
        on_page: Called after each commit with the result of the round so far.
        on_wait: Called with the error and the seconds until the retry.
    """

    on_page: Callable[[Pulled], None] = lambda _: None
    on_wait: Callable[[EmberlineError, float], None] = lambda _error, _seconds: None


class Stopped(Exception):
    """The pull was asked to stop."""


class Recent:
    """Recently sent payloads: unchanged payloads of an overlap are not sent again."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        """Remember at most `most` payloads, by 16-byte hashes."""
        self._most = most
        self._hashes: OrderedDict[bytes, None] = OrderedDict()

    def new_of(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads that were not added before, each once."""
        found = {_hash(payload): payload for payload in reversed(payloads)}
        return [payload for one, payload in reversed(found.items()) if one not in self._hashes]

    def add(self, payloads: Sequence[Payload]) -> None:
        """Add payloads that are in Kafka."""
        for payload in payloads:
            self._hashes[_hash(payload)] = None
        while len(self._hashes) > self._most:
            self._hashes.popitem(last=False)


def _hash(payload: Payload) -> bytes:
    made = hashlib.blake2b(payload.value, digest_size=16)
    for name, value in payload.headers:
        made.update(name.encode() + b"\0" + value + b"\0")
    return made.digest()


class Pull:
    """Reads a source in rounds. A round starts from the committed cursor, so that a failed one is repeated."""

    def __init__(
        self,
        source: Source,
        kafka: KafkaConnection,
        group: str,
        cursor_topic: str,
        hooks: Hooks | None = None,
        back_off: BackOff | None = None,
    ) -> None:
        """Set it up without a request.

        Args:
            source: What to read.
            kafka: The brokers to write to.
            group: Distinguishes installations that share brokers.
            cursor_topic: Topic of the cursors.
            hooks: Callbacks.
            back_off: Waits after failures.
        """
        self._source, self._kafka, self._group, self._cursor_topic = source, kafka, group, cursor_topic
        self._hooks, self._back_off = hooks or Hooks(), back_off or BackOff()
        self._chance, self._recent = random.Random(), Recent()  # noqa: S311 - of waits
        self._stop = threading.Event()

    def stop(self) -> None:
        """Stop after the current commit."""
        self._stop.set()

    def stops_within(self, seconds: float) -> bool:
        """Wait, and return whether it was asked to stop meanwhile."""
        return self._stop.wait(seconds)

    def once(self, tries: int = 5) -> Pulled:
        """Read everything that is available now.

        Args:
            tries: How often a request is made before the round fails.

        Raises:
            ApiUnreachable, ApiBusy, UnfitAnswer, RefusedByApi: The API failed; committed pages are kept.
            PulledElsewhere, PayloadTooLarge, NotCommitted, KafkaUnreachable, KafkaRefused: See `Commits`.
        """
        with self._opened() as committed, HttpApi(self._source.name, self._source.url) as http:
            try:
                return self._round(committed, http, tries)
            except _OF_API as error:
                self._failed(committed, error)
                raise

    def watch(self, on_round: Callable[[Pulled], None], on_failure: Callable[[EmberlineError], None]) -> None:
        """Read round after round until it is stopped; failures are reported and the round is repeated.

        Args:
            on_round: Called with the result of each round.
            on_failure: Called with the error of a failed round.
        """
        n_failed = 0
        while not self._stop.is_set():
            try:
                with self._opened() as committed, HttpApi(self._source.name, self._source.url) as http:
                    while True:
                        try:
                            on_round(self._round(committed, http, tries=3, waits=self._source.is_held))
                            n_failed = 0
                        except _OF_API as error:
                            n_failed += 1
                            self._failed(committed, error)
                            on_failure(error)
                            self._pause(self._wait_s(n_failed, error))
                        else:
                            self._pause(_LEAST_PAUSE_S if self._source.is_held else self._source.interval_s)
            except Stopped:
                return
            except EmberlineError as error:  # errors of Kafka: start again from the committed cursor
                n_failed += 1
                on_failure(error)
                if self.stops_within(self._wait_s(n_failed, error)):
                    return

    def _opened(self) -> AbstractContextManager[Commits]:
        return commits(self._kafka, self._source.name, self._source.topic, self._group, self._cursor_topic)

    def _round(self, committed: Commits, http: HttpApi, tries: int, *, waits: bool = False) -> Pulled:
        pulled = Pulled()
        while True:
            page = self._page(committed.stored.cursor, http, tries, waits=waits)
            if not page.is_last and page.cursor == committed.stored.cursor:
                raise UnfitAnswer(f"{self._source.name} says that there are more pages but gives no cursor.")
            outcome = self._outcome(committed.stored.outcome, page)
            new = self._recent.new_of(page.payloads)
            records, n_large = self._records(new)
            committed.commit(records, page.cursor, outcome)
            self._recent.add(new)
            pulled.payloads += len(records)
            pulled.pages += 1
            pulled.skipped += page.skipped
            if n_large:
                pulled.skipped[TOO_LARGE] += n_large
            if page.gap:
                pulled.gaps.append(page.gap)
            self._hooks.on_page(pulled)
            if page.is_last:
                return pulled
            if self._stop.is_set():
                raise Stopped

    def _page(self, cursor: Cursor, http: HttpApi, tries: int, *, waits: bool) -> Page:
        """Request the next page, with retries where they may help."""
        n_failed = 0
        while True:
            moment = Moment(time.time(), self._source.interval_s if waits else 0)
            request = self._source.api.request(cursor, moment)
            try:
                return self._read(request, cursor, http.ask(request))
            except _TRANSIENT as error:
                n_failed += 1
                if n_failed >= tries:
                    raise
                wait_s = self._wait_s(n_failed, error)
                self._hooks.on_wait(error, wait_s)
                self._pause(wait_s)

    def _read(self, request: Request, cursor: Cursor, answer: Answer) -> Page:
        api = self._source.api
        try:
            if 400 <= answer.status < 500 and (page := api.refused(cursor, answer)) is not None:
                return page
            refuse_failure(self._source.name, request, answer, api.retry_after_s(answer))
            return api.page(cursor, answer)
        except EmberlineError:
            raise
        except Exception as error:  # any error of a puller: the others continue, and nothing is committed
            raise UnfitAnswer(
                f"The puller of {self._source.name} fails on an answer to {request.call}: {type(error).__name__}.",
                "Check it with the conformance kit; report it if it is one of emberline's.",
            ) from error

    def _records(self, payloads: Sequence[Payload]) -> tuple[list[Record], int]:
        values = self._source.prepare([payload.value for payload in payloads]) if payloads else []
        records = [
            (value, payload.headers)
            for value, payload in zip(values, payloads, strict=True)
            if len(value) + sum(len(name) + len(text) for name, text in payload.headers) <= MOST_BYTES
        ]
        return records, len(payloads) - len(records)

    def _outcome(self, before: Outcome, page: Page) -> Outcome:
        now = _now()
        found = before if before.started_at else replace(before, started_at=now)
        if page.gap:
            found = replace(found, gap=page.gap, gap_at=now)
        if not page.is_last:
            return found
        last = before.succeeded_at
        is_known = before.failed_at is None and last is not None and now - last < _WRITTEN_EVERY
        return found if is_known else replace(found, succeeded_at=now, failed_at=None, error=None)

    def _failed(self, committed: Commits, error: EmberlineError) -> None:
        before, now = committed.stored.outcome, _now()
        if before.failed_at is not None and before.error == error.cause:
            return
        outcome = replace(
            before, failed_at=before.failed_at or now, error=error.cause, started_at=before.started_at or now
        )
        committed.commit([], committed.stored.cursor, outcome)

    def _wait_s(self, n_failed: int, error: EmberlineError) -> float:
        asked_s = error.after_s if isinstance(error, ApiBusy) else None
        waited = self._back_off.wait_s(n_failed, asked_s, self._chance)
        # Errors that a person has to correct are not corrected within seconds.
        return max(waited, self._back_off.most_s) if isinstance(error, RefusedByApi) else waited

    def _pause(self, seconds: float) -> None:
        if self.stops_within(seconds):
            raise Stopped


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
