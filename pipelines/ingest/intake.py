"""Read Kafka partitions into lake table `raw` in batches, exactly once; used by a single pass and by workers.

A commit is made through a handle with the positions the batch was read from, and Delta refuses it if another commit to
`raw` came in between. So of several readers of a partition the first to write wins and the others notice, without
locks, leases or trust in Kafka's partition assignment.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self

import polars as pl
from kafka import KafkaConsumer
from kafka.errors import OffsetOutOfRangeError
from kafka.structs import TopicPartition

from pipelines.ingest.connection import KafkaConnection, TopicDirectory
from pipelines.ingest.feeds import Feed, app_id, record_feeds
from pipelines.ingest.gaps import Gap, record_gaps
from pipelines.ingest.reader import Buffer, buffers
from pipelines.lake import Lake, LakeConflict
from schemas.errors import EmberlineError
from schemas.lake import RAW

_POLL_MS = 500

Offsets = Mapping[TopicPartition, int]
Now = Callable[[], dt.datetime]


class OffsetsGone(EmberlineError):
    """Kafka no longer has the next records to read."""


class FeedStalled(EmberlineError):
    """There are unread records but none arrive."""


@dataclass(frozen=True)
class BatchLimits:
    """A commit is made when any of these is reached, which bounds memory for any backlog.

    `run_rows` limits a pass to this number of records. None: no limit.
    """

    rows: int = 200_000
    bytes: int = 64 * 1024 * 1024
    seconds: float = 10.0
    stall_seconds: float = 60.0
    run_rows: int | None = None


@dataclass
class RawReport:
    """What one ingest added to `raw`.

    `offsets_lost` are those of accepted gaps. `held_back` are the offsets blocked by open transactions, for each
    "topic/partition" that has any.
    """

    rows: int = 0
    commits: int = 0
    offsets_lost: int = 0
    rows_by_topic: dict[str, int] = field(default_factory=dict)
    held_back: dict[str, int] = field(default_factory=dict)


class Appended(NamedTuple):
    """A commit to `raw`: the offset after it for each (topic id, partition), and its version's `Handle.content`."""

    stop: Mapping[tuple[str, int], int]
    content: int


OnBatch = Callable[[pl.DataFrame], Callable[[Appended], None]]
"""Called with each batch before its commit; the function it returns is called with the commit, if there is one."""


def ignore(_batch: pl.DataFrame) -> Callable[[Appended], None]:
    """Do nothing with a batch."""
    return lambda _appended: None


class _UnderWay(NamedTuple):
    """A batch in flight: how far it goes, and whether it was appended."""

    batch: Buffer
    reached: dict[TopicPartition, int]
    is_appended: Future[bool]


class Intake:
    """The partitions of one consumer, from the lake's positions on; at most two batches in memory.

    `positions` are the lake's, `reached` is how far the batch goes that is being read. The previous batch may be in
    flight to the lake, in a thread of its own.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        consumer: KafkaConsumer,
        directory: TopicDirectory,
        lake: Lake,
        limits: BatchLimits,
        accept_gaps_at: Now | None,
        on_batch: OnBatch = ignore,
    ) -> None:
        """Set up the intake without reading.

        Args:
            connection: Its reader says how records become columns.
            consumer: A consumer of committed records, without positions.
            directory: Topics of the same brokers.
            lake: The lake of `raw`.
            limits: When to commit a batch.
            accept_gaps_at: The clock, UTC, to record lost records in `gaps` and skip them; None to raise an error.
            on_batch: Called in the order of the commits, by the committing thread.
        """
        self._consumer = consumer
        self._directory = directory
        self._lake = lake
        self._limits = limits
        self._accept_gaps_at = accept_gaps_at
        self._on_batch = on_batch
        self._new_buffer = buffers(consumer, connection.reader)
        self._wanted: list[TopicPartition] = []
        self.report = RawReport()
        self.topic_ids: dict[str, str] = {}
        self.positions: dict[TopicPartition, int] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit to raw")
        self._under_way: _UnderWay | None = None
        self._start({})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait for the batch in flight; drop what was read after it."""
        self._thread.shutdown()

    def seek(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek these partitions to the lake's positions, and drop records read without a commit in flight.

        Called at the start, and after a lost race, a rebalance or a topic that was created again. Partitions of topics
        that do not exist are left out.

        Raises:
            OffsetsGone: Retention removed records before they were read, or the end of a log is lost.
        """
        self._land()
        self._wanted = list(partitions)
        self.topic_ids = self._ids()
        there = [tp for tp in self._wanted if tp.topic in self.topic_ids]
        self._handle = self._lake.open(RAW)
        beginnings = self._consumer.beginning_offsets(there) if there else {}
        readable = self._consumer.end_offsets(there) if there else {}
        stored = {tp: saved for tp in there if (saved := self._saved(tp)) is not None}
        gaps = [
            Gap(tp.topic, self.topic_ids[tp.topic], tp.partition, saved, beginnings[tp])
            for tp, saved in stored.items()
            if saved < beginnings[tp]
        ]
        beyond = [tp for tp, saved in stored.items() if saved > readable[tp]]
        if (gaps or beyond) and self.is_topic_new():
            self.seek(self._wanted)
            return
        if beyond:
            tp = beyond[0]
            raise OffsetsGone(
                f"Topic {tp.topic}, partition {tp.partition}: the lake has offsets below {stored[tp]}, "
                f"but Kafka's log ends at {readable[tp]}: its end is lost, and new records get old offsets.",
                "Nothing was skipped. Restore the log from a mirror, or recreate the topic, which is then read "
                "completely.",
            )
        self.positions = {tp: max(beginnings[tp], stored.get(tp, 0)) for tp in there}
        for tp, position in self.positions.items():
            self._consumer.seek(tp, position)
        self._start(self.positions)
        record_feeds(
            self._lake,
            (Feed(tp.topic, self.topic_ids[tp.topic], tp.partition, start) for tp, start in self.positions.items()),
        )
        if gaps:
            self._pass_over(gaps)

    def poll(self, ends: Callable[[], Offsets], rows: int = sys.maxsize) -> None:
        """Add to the batch the records that Kafka returns within half a second.

        Args:
            ends: Returns the end of readable records; called when none arrive for long.
            rows: Most records in the batch, if the limits allow more.

        Raises:
            FeedStalled: No position moved for `limits.stall_seconds` although there are records to read.
            OffsetsGone: See `seek`.
        """
        most = min(rows, self._limits.rows)
        try:
            self._buffer.poll(_POLL_MS, most - len(self._buffer), self._limits.bytes - self._buffer.bytes)
        except OffsetOutOfRangeError:
            # Retention was faster, or the topic was recreated: `seek` finds out by the lake's positions.
            moved_at = self._moved_at
            self.seek(self._wanted)
            self._moved_at = moved_at
        reached = {tp: self._position(tp) for tp in self.positions}
        now = time.monotonic()
        if reached != self.reached:
            self.reached, self._moved_at = reached, now
            self._began = self._began or now
        elif now - self._moved_at > self._limits.stall_seconds:
            self._refuse_stall(ends())
            self._moved_at = now

    @property
    def rows(self) -> int:
        """Number of records in the batch that is being read."""
        return len(self._buffer)

    @property
    def rows_launched(self) -> int:
        """Number of records appended or in flight."""
        return self.report.rows + (0 if self._under_way is None else len(self._under_way.batch))

    @property
    def is_due(self) -> bool:
        """Whether the batch has reached a limit."""
        waited = self._began is not None and time.monotonic() - self._began >= self._limits.seconds
        return waited or self.rows >= self._limits.rows or self._buffer.bytes >= self._limits.bytes

    def commit(self, *, is_awaited: bool = True) -> bool:
        """Append the batch to `raw`, and begin the next one.

        Args:
            is_awaited: Whether to wait for it. If not, its result is part of the next call's.

        Returns:
            Whether all finished appends succeeded. If not, another writer moved one of the positions or a topic was
            created again: the batches were dropped, and reading continues from the lake's positions.
        """
        if self._land() and self._launch() and not (is_awaited and not self._land()):
            return True
        self.seek(self._wanted)
        return False

    def give_up(self, *, is_committed: bool) -> None:
        """Release all partitions; the batch is committed if possible, else dropped.

        Only topics are requested from Kafka, since its client may be the caller.
        """
        if self._land() and is_committed and self._launch():
            self._land()
        self._wanted, self.topic_ids, self.positions = [], {}, {}
        self._start({})

    def _launch(self) -> bool:
        """Start the commit of the batch and begin the next; return False if its records may be of a recreated topic."""
        if self.reached == self._started_at:
            return True
        # Offsets only make sense within one topic id. Ids are never reused: if the id is the same before and after
        # reading, the records are of that topic.
        if self.is_topic_new():
            return False
        batch, reached = self._buffer, self.reached
        is_appended = self._thread.submit(lambda: self._append(batch.frame(self.topic_ids), reached))
        self._under_way = _UnderWay(batch, reached, is_appended)
        self._start(reached)
        return True

    def _land(self) -> bool:
        """Wait for the batch in flight, if any; return whether it was appended."""
        if self._under_way is None:
            return True
        (batch, reached, is_appended), self._under_way = self._under_way, None
        if not is_appended.result():
            return False
        self.positions = dict(reached)
        self.report.commits += 1
        self.report.rows += len(batch)
        for topic, rows in batch.rows_by_topic().items():
            self.report.rows_by_topic[topic] = self.report.rows_by_topic.get(topic, 0) + rows
        return True

    def is_topic_new(self) -> bool:
        """Return whether a topic was created or deleted since the last seek."""
        return self._ids() != self.topic_ids

    def _ids(self) -> dict[str, str]:
        names = {tp.topic for tp in self._wanted}
        return {topic.name: topic.topic_id for topic in self._directory.topics(names)} if names else {}

    def _start(self, positions: Offsets) -> None:
        """Start a batch at these positions, and drop the unfinished one."""
        self._buffer = self._new_buffer()
        self._started_at = dict(positions)
        self.reached = dict(positions)
        self._began: float | None = None
        self._moved_at = time.monotonic()

    def _append(self, rows: pl.DataFrame, reached: Offsets) -> bool:
        """Move the lake from `positions` to `reached`; return False if it is no longer at `positions`.

        The handle's positions are always this reader's. A commit of another reader makes the handle stale; a new handle
        may be used only if all its positions are equal, also for partitions that are not in this batch.
        """
        before = {tp: self._saved(tp) for tp in self.positions}
        on_append = self._on_batch(rows)
        while True:
            try:
                self._lake.append(self._handle, rows, self._transactions(reached))
            except LakeConflict:
                self._handle = self._lake.open(RAW)
                if any(self._saved(tp) != saved for tp, saved in before.items()):
                    return False
                continue
            stop = {(self.topic_ids[tp.topic], tp.partition): position for tp, position in reached.items()}
            on_append(Appended(stop, self._handle.content))
            return True

    def _saved(self, tp: TopicPartition) -> int | None:
        return self._handle.position(app_id(self.topic_ids[tp.topic], tp.partition))

    def _transactions(self, reached: Offsets) -> dict[str, int]:
        """Return the positions of all partitions, also of unmoved ones, so that a gap in them is detected later."""
        return {app_id(self.topic_ids[tp.topic], tp.partition): position for tp, position in reached.items()}

    def _pass_over(self, gaps: list[Gap]) -> None:
        """Record gaps, then move the lake's positions after them; after a crash in between the gaps are found again."""
        if self._accept_gaps_at is None:
            first = gaps[0]
            others = f" The same is true of {len(gaps) - 1} more partitions." if len(gaps) > 1 else ""
            raise OffsetsGone(
                f"Topic {first.topic}, partition {first.partition}: the lake has offsets below {first.start}, "
                f"but Kafka's log now starts at {first.stop}: {first.offsets} offsets are lost.{others}",
                "Nothing was skipped. Restore the records from a mirror and raise the topic's retention. To go on "
                "without them: `emberline run --accept-gaps`, which records the gap in lake table gaps.",
            )
        record_gaps(self._lake, gaps, self._accept_gaps_at())
        if not self._append(pl.DataFrame(schema=RAW.schema), self.positions):
            self.seek(self._wanted)
            return
        self.report.offsets_lost += sum(gap.offsets for gap in gaps)

    def _refuse_stall(self, ends: Offsets) -> None:
        for tp, reached in self.reached.items():
            if reached < ends.get(tp, 0):
                raise FeedStalled(
                    f"Topic {tp.topic}, partition {tp.partition}: no record arrived for "
                    f"{self._limits.stall_seconds:g} s at offset {reached}, "
                    f"though there are records up to {ends[tp]}.",
                    "What was read before is safe. Check the brokers, then run again.",
                )

    def _position(self, tp: TopicPartition) -> int:
        position = self._consumer.position(tp)
        if position is None:
            raise FeedStalled(
                f"Topic {tp.topic}, partition {tp.partition}: the consumer lost its position.",
                "What was read before is safe; run again.",
            )
        return position
