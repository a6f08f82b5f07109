"""Kafka -> lake table `raw`, exactly once: one pass up to where the logs end now.

The Delta commit that adds a batch also records, for each (topic id, partition) in it, the consumer's position.
Offsets are read back from there and from nowhere else, so a crash at any point replays or resumes without loss and
without doubles.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping

import polars as pl
from deltalake.exceptions import DeltaError
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from pipelines.ingest.connection import KafkaConnection, TopicDirectory
from pipelines.ingest.feeds import in_spans
from pipelines.ingest.intake import BatchLimits, Intake, OnBatch, RawReport, ignore
from pipelines.lake import Handle, Lake
from pipelines.lake_damage import damage_of, files_damaged, unavailable


def ingest_raw(
    connection: KafkaConnection,
    lake: Lake,
    topic_names: Iterable[str],
    limits: BatchLimits,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
    accept_gaps_at: dt.datetime | None = None,
    on_batch: OnBatch = ignore,
) -> RawReport:
    """Append to `raw` all records up to the last stable offsets found at the start.

    What lies behind a transaction open at that time nobody can read yet: it is reported, and a later run reads it.
    Others may read the same partitions meanwhile; what they commit counts as read.

    Args:
        connection: the brokers.
        lake: where `raw` lies.
        topic_names: topics to read; those that do not exist yet are skipped.
        limits: when to commit a batch, and when to stop although there is more.
        on_progress: called after each commit with offsets passed and offsets to pass.
        accept_gaps_at: the time now, UTC, where records that retention removed are to be noted in `gaps` and passed
            over; None where they are an error.
        on_batch: see `Intake`.

    Raises:
        FastReaderUnsupported: the connection's reader is `fast` and the installed client is none that was tested.
        OffsetsGone: retention removed records before they were read, or the end of a log is gone.
        FeedStalled: the position stood still for `limits.stall_seconds` although there is lag.
        KafkaRefused: the brokers do not let this user in.
        KafkaHungUp: they close the connection during the login.
        KafkaUnreachable: no broker answers; what was read and not committed is read again by the next run.
    """
    names = list(topic_names)
    with connection.errors_told(), connection.directory(limits.stall_seconds) as directory:
        if not directory.topics(names):
            return RawReport()
        consumer = connection.consumer()
        try:
            clock = None if accept_gaps_at is None else lambda: accept_gaps_at
            with Intake(connection, consumer, directory, lake, limits, clock, on_batch) as intake:
                _Drain(connection, consumer, directory, intake, on_progress).run(names, limits.run_rows)
                return intake.report
        finally:
            consumer.close(autocommit=False)


class _Drain:
    """One pass over the partitions, from the lake's positions to the stable ends that Kafka had at the start."""

    def __init__(
        self,
        connection: KafkaConnection,
        consumer: KafkaConsumer,
        directory: TopicDirectory,
        intake: Intake,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._connection = connection
        self._consumer = consumer
        self._directory = directory
        self._intake = intake
        self._on_progress = on_progress
        self._ends: dict[TopicPartition, int] = {}

    def run(self, names: list[str], most: int | None) -> None:
        ids = self._begin(names)
        todo = self._left(self._intake.positions)
        is_done = not todo
        while not is_done:
            room = sys.maxsize if most is None else most - self._intake.rows_launched
            while (
                self._left(self._intake.reached)
                and not self._intake.is_due
                and self._intake.rows < room
                and self._intake.topic_ids == ids
            ):
                self._intake.poll(lambda: self._ends, room)
            if self._intake.topic_ids != ids:
                ids = self._begin(names)
                todo = self._left(self._intake.positions)
                is_done = not todo
                continue
            is_done = not self._left(self._intake.reached) or self._intake.rows >= room
            before = self._left(self._intake.positions)
            if self._intake.commit(is_awaited=is_done):
                left = self._left(self._intake.positions)
                if left < before:
                    self._on_progress(todo - left, todo)
                continue
            is_done = self._intake.topic_ids == ids and not self._left(self._intake.positions)

    def _begin(self, names: list[str]) -> dict[str, str]:
        """Find out where the logs end, and seek; the ids of the topics."""
        # In this order: a transaction that ends in between must not look as if it held records back.
        log_ends = self._connection.log_ends(self._directory.topics(names))
        self._ends = self._consumer.end_offsets(list(log_ends))
        self._intake.report.held_back = {
            f"{tp.topic}/{tp.partition}": end - self._ends[tp] for tp, end in log_ends.items() if end > self._ends[tp]
        }
        self._consumer.assign(list(log_ends))
        self._intake.seek(log_ends)
        return self._intake.topic_ids

    def _left(self, positions: Mapping[TopicPartition, int]) -> int:
        """How many offsets lie between these positions and the ends."""
        return sum(max(0, end - positions[tp]) for tp, end in self._ends.items() if tp in positions)


def refuse_lost_files(raw: Handle, *, is_accepted: bool) -> None:
    """See that data files of `raw` are there and whole; of more than `lake_damage.CHECKED`, so many drawn at random.

    Args:
        raw: of `RAW`; it moves to the new version where there is one.
        is_accepted: whether those that are gone are to be taken out of its log.

    Raises:
        LakeDamaged: some are gone, and that is not accepted; or some are broken.
        LakeUnavailable: the store failed.
    """
    damage = damage_of(raw.delta)
    if not any(damage):
        return
    if damage.broken or not is_accepted:
        raise files_damaged(raw.table, raw.delta.table_uri, damage)
    try:
        raw.to_write().repair()
    except (DeltaError, OSError) as error:
        raise unavailable(raw.table, raw.delta.table_uri, error) from error


def raw_rows(handle: Handle, start: Mapping[tuple[str, int], int], stop: Mapping[tuple[str, int], int]) -> pl.DataFrame:
    """The records of `raw` with offsets in `[start, stop)` for each (topic id, partition)."""
    return handle.scan().filter(in_spans(start, stop)).collect(engine="streaming")
