"""Kafka -> lake table `raw`, exactly once: one pass up to the current end of the logs.

The Delta commit that adds a batch also records the consumer's position for each (topic id, partition). Offsets are read
only from there, so after a crash reading resumes without loss or duplicates.
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

    Records behind an open transaction are reported and read by a later run. Others may read the same partitions
    meanwhile; what they commit counts as read.

    Args:
        connection: The brokers.
        lake: The lake of `raw`.
        topic_names: Topics to read; those that do not exist yet are skipped.
        limits: When to commit a batch, and when to stop although there is more.
        on_progress: Called after each commit with offsets done and to do.
        accept_gaps_at: The current time, UTC, to record lost records in `gaps` and skip them; None to raise an error.
        on_batch: See `Intake`.

    Raises:
        FastReaderUnsupported: The connection's reader is `fast` and the installed client is not a tested one.
        OffsetsGone: Retention removed records before they were read, or the end of a log is lost.
        FeedStalled: The position did not move for `limits.stall_seconds` although there is lag.
        KafkaRefused: The brokers reject this user.
        KafkaHungUp: They close the connection during the login.
        KafkaUnreachable: No broker answers; uncommitted records are read again by the next run.
    """
    names = list(topic_names)
    with connection.translate_errors(), connection.directory(limits.stall_seconds) as directory:
        if not directory.topics(names):
            return RawReport()
        consumer = connection.consumer()
        try:
            clock = None if accept_gaps_at is None else lambda: accept_gaps_at
            with Intake(connection, consumer, directory, lake, limits, clock, on_batch) as intake:
                _Drain(consumer, directory, intake, on_progress).run(names, limits.run_rows)
                return intake.report
        finally:
            consumer.close(autocommit=False)


class _Drain:
    """One pass over the partitions, from the lake's positions to the last stable offsets at the start."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        directory: TopicDirectory,
        intake: Intake,
        on_progress: Callable[[int, int], None],
    ) -> None:
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
        """Read the ends of the logs and seek; return the ids of the topics."""
        # In this order, so that a transaction that ends in between does not look as if it blocked records.
        log_ends = self._directory.log_ends(self._directory.topics(names))
        self._ends = self._consumer.end_offsets(list(log_ends))
        self._intake.report.held_back = {
            f"{tp.topic}/{tp.partition}": end - self._ends[tp] for tp, end in log_ends.items() if end > self._ends[tp]
        }
        self._consumer.assign(list(log_ends))
        self._intake.seek(log_ends)
        return self._intake.topic_ids

    def _left(self, positions: Mapping[TopicPartition, int]) -> int:
        """Return the number of offsets from these positions to the ends."""
        return sum(max(0, end - positions[tp]) for tp, end in self._ends.items() if tp in positions)


def refuse_lost_files(raw: Handle, *, is_accepted: bool) -> None:
    """Check that data files of `raw` exist and are complete; at most `lake_damage.CHECKED`, drawn at random.

    Args:
        raw: Handle of `RAW`; updated if a new version is written.
        is_accepted: Whether to remove missing files from its log.

    Raises:
        LakeDamaged: Files are missing and that is not accepted, or files are broken.
        LakeUnavailable: The store failed.
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
    """Return the records of `raw` with offsets in `[start, stop)` for each (topic id, partition)."""
    return handle.scan().filter(in_spans(start, stop)).collect(engine="streaming")
