"""Kafka -> lake tables `raw`, `events` and `quarantine` in one pass, each exactly once.

A batch appended to `raw` is decoded from memory and stored while the next ones are read. That is only correct if its
commit directly follows what `events` includes; if another writer came in between, the rest is read back from the lake.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore
from typing import Final, NamedTuple, Self

import polars as pl

from pipelines.carriers import Carrier
from pipelines.events.decode import DecodeRules
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import Counts
from pipelines.ingest.erased import search_payloads, suppression_of
from pipelines.ingest.event_writer import Batch, EventWriter
from pipelines.ingest.events import catch_up
from pipelines.ingest.intake import Appended, BatchLimits, RawReport
from pipelines.ingest.raw import ingest_raw, refuse_lost_files
from pipelines.ingest.tolerance import USUAL, Tolerance
from pipelines.lake import Lake, LakeConflict
from pipelines.lake_purge import purge
from pipelines.pseudonym_key import bind_key
from schemas.lake import RAW, TABLES

AT_ONCE: Final = 3
"""Batches that are decoded or stored at a time; beyond that, reading from Kafka waits."""


Progress = Callable[[int, int], None]
"""Called with the work done and the work to do."""


class Ingested(NamedTuple):
    """What a pass added to `raw`, and the counts of the records that it decoded."""

    raw: RawReport
    events: Counts


def ingest(
    connection: KafkaConnection,
    lake: Lake,
    carriers: Mapping[str, Carrier],
    limits: BatchLimits,
    rules: DecodeRules,
    tolerance: Tolerance = USUAL,
    on_read: Progress = lambda _done, _todo: None,
    on_caught_up: Progress = lambda _done, _todo: None,
    accept_gaps_at: dt.datetime | None = None,
) -> Ingested:
    """Decode what `raw` holds, then read all topics up to the last stable offsets found at the start, and decode that.

    If a batch cannot be decoded or stored, `raw` is still read to the end before the error is raised.

    Args:
        connection: The brokers.
        lake: The lake of all tables.
        carriers: Topic -> adapter.
        limits: When to commit a batch, and when to stop although there is more.
        rules: The rules of decoding.
        tolerance: Error budget of a batch.
        on_read: Called after each commit to `raw` with offsets done and to do.
        on_caught_up: Called after each batch of older records of `raw` with records decoded and to decode.
        accept_gaps_at: See `ingest_raw`; missing files of `raw` are then skipped, too.

    Raises:
        LakeDamaged: Files of `raw` are missing; nothing was written.
        WrongPseudonymKey: The lake has pseudonyms of another key; nothing was written.
        ZoneChanged: The stored events have days of another zone.
        TooManyBadRecords: A batch exceeds the error budget; neither it nor later ones were decoded.
        EmberlineError: See `ingest_raw`.
    """
    bind_key(lake, rules.pseudonyms)
    refuse_lost_files(lake.open(RAW), is_accepted=accept_gaps_at is not None)
    with _Follower(lake, lambda: EventWriter(lake, carriers, rules, tolerance), limits.rows) as follower:
        follower.catch_up(on_caught_up)
        report = ingest_raw(connection, lake, carriers, limits, on_read, accept_gaps_at, follower.take)
        counts = follower.finish()
    with suppress(LakeConflict):  # a worker has just added records: the next run searches them
        for table, removed in search_payloads(lake, suppression_of(lake, rules.pseudonyms)).items():
            if removed:
                purge(lake, TABLES[table])
    return Ingested(report, counts)


class _Follower:
    """Decodes and stores batches of `raw`, in one thread each. An error stops that and is raised at the end."""

    def __init__(self, lake: Lake, make_writer: Callable[[], EventWriter], batch_rows: int) -> None:
        self._lake = lake
        self._make_writer = make_writer
        self._batch_rows = batch_rows
        self._room = BoundedSemaphore(AT_ONCE)
        self._decoding = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._storing = ThreadPoolExecutor(1, thread_name_prefix="store events")
        self._writer: EventWriter | None = None
        self._failure: BaseException | None = None
        self._content = 0
        self._is_behind = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for batches in flight."""
        self._decoding.shutdown()
        self._storing.shutdown()

    def catch_up(self, on_progress: Progress) -> None:
        """Decode the older records of `raw`, and prepare for new batches."""
        try:
            writer = self._make_writer()
            # After it: a reset that it finished has kept the rows of records without values.
            raw = self._lake.open(RAW)
            self._content = raw.content
            catch_up(raw, writer, self._batch_rows, on_progress)
            self._writer = writer
        except Exception as error:
            self._failure = error

    def take(self, records: pl.DataFrame) -> Callable[[Appended], None]:
        """Decode a batch while it is committed, and store it if its commit is the next one."""
        if self._writer is None or self._failure is not None:
            return lambda _appended: None
        decoded = self._decoding.submit(self._writer.decode, records)

        def store(appended: Appended) -> None:
            if appended.content != self._content + 1:
                self._is_behind = True
                return
            self._content += 1
            self._room.acquire()
            self._storing.submit(self._store, decoded, appended.stop)

        return store

    def _store(self, decoded: Future[Batch], stop: Mapping[tuple[str, int], int]) -> None:
        try:
            batch = decoded.result()
            if self._writer is not None and self._failure is None:
                self._writer.write(batch, stop)
        except BaseException as error:
            # Any error (a Polars panic is not an Exception): later batches must not be stored.
            self._failure = self._failure or error
        finally:
            self._room.release()

    def finish(self) -> Counts:
        """Wait for batches in flight, and decode what other writers added in between."""
        self.__exit__()
        if self._failure is not None:
            raise self._failure
        assert self._writer is not None  # noqa: S101 - without a writer there is a failure
        if self._is_behind:
            catch_up(self._lake.open(RAW), self._writer, self._batch_rows)
        return self._writer.counts
