"""Kafka -> lake table `raw`, exactly once.

The Delta commit that adds a batch also records, for each (topic id, partition) in it, the consumer's position.
Offsets are read back from there and from nowhere else, so a crash at any point replays or resumes without loss and
without doubles.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import polars as pl
from kafka import KafkaConsumer
from kafka.errors import OffsetOutOfRangeError
from kafka.structs import TopicPartition

from pipelines.ingest.commits import Commits
from pipelines.ingest.connection import KafkaConnection, Topic
from pipelines.ingest.feeds import Feed, app_id, record_feeds
from pipelines.ingest.gaps import Gap, record_gaps
from pipelines.ingest.reader import Buffer, buffers
from pipelines.lake import Handle, Lake, LakeConflict
from schemas.errors import EmberlineError
from schemas.lake import RAW

_POLL_MS = 500


class OffsetsGone(EmberlineError):
    """Kafka no longer has the records that the lake wants next."""


class FeedStalled(EmberlineError):
    """There are records to read and none arrive."""


@dataclass(frozen=True)
class BatchLimits:
    """A commit is made when any of these is reached; together they bound memory whatever the backlog."""

    rows: int = 200_000
    bytes: int = 64 * 1024 * 1024
    seconds: float = 10.0
    stall_seconds: float = 60.0


@dataclass
class RawReport:
    """What one ingest added to `raw`.

    `offsets_lost` are those of the gaps it was told to accept. `held_back` are offsets that open transactions kept from
    being read, of each "topic/partition" that has any.
    """

    rows: int = 0
    commits: int = 0
    offsets_lost: int = 0
    rows_by_topic: dict[str, int] = field(default_factory=dict)
    held_back: dict[str, int] = field(default_factory=dict)


def ingest_raw(
    connection: KafkaConnection,
    lake: Lake,
    topic_names: Iterable[str],
    limits: BatchLimits,
    on_progress: Callable[[int, int], None] = lambda _done, _todo: None,
    accept_gaps_at: dt.datetime | None = None,
) -> RawReport:
    """Append to `raw` all records up to the last stable offsets found at the start.

    What lies behind a transaction open at that time nobody can read yet: it is reported, and a later run reads it.

    Args:
        connection: the brokers.
        lake: where `raw` lies.
        topic_names: topics to read; those that do not exist yet are skipped.
        limits: when to commit a batch.
        on_progress: called after each commit with offsets passed and offsets to pass.
        accept_gaps_at: the time now, UTC, where records that retention removed are to be noted in `gaps` and passed
            over; None where they are an error.

    Raises:
        FastReaderUnsupported: the connection's reader is `fast` and the installed client is none that was tested.
        OffsetsGone: retention removed records before they were read, or the end of a log is gone.
        FeedStalled: the position stood still for `limits.stall_seconds` although there is lag.
    """
    topics = connection.topics(topic_names)
    report = RawReport()
    if not topics:
        return report
    consumer = connection.consumer()
    try:
        new_buffer = buffers(consumer, connection.reader)
        # In this order: a transaction that ends in between must not look as if it held records back.
        log_ends = connection.log_ends(topics)
        ends: dict[TopicPartition, int] = consumer.end_offsets(list(log_ends))
        report.held_back = {
            f"{tp.topic}/{tp.partition}": end - ends[tp] for tp, end in log_ends.items() if end > ends[tp]
        }
        _Drain(consumer, new_buffer, lake, topics, ends, limits, report, on_progress, accept_gaps_at).run()
    finally:
        consumer.close(autocommit=False)
    return report


class _Drain:
    """One pass over the partitions, from the lake's positions to the stable ends that Kafka had at the start."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        new_buffer: Callable[[], Buffer],
        lake: Lake,
        topics: list[Topic],
        ends: Mapping[TopicPartition, int],
        limits: BatchLimits,
        report: RawReport,
        on_progress: Callable[[int, int], None],
        accept_gaps_at: dt.datetime | None,
    ) -> None:
        self._consumer = consumer
        self._new_buffer = new_buffer
        self._lake = lake
        self._limits = limits
        self._report = report
        self._on_progress = on_progress
        self._accept_gaps_at = accept_gaps_at
        self._topic_ids = {topic.name: topic.topic_id for topic in topics}
        self._partitions = list(ends)
        self._ends = ends

    def run(self) -> None:
        self._consumer.assign(self._partitions)
        handle, positions = self._seek()
        todo = sum(max(0, end - positions[tp]) for tp, end in self._ends.items())
        with Commits(self._lake) as commits:
            is_done = False
            while not is_done:
                try:
                    if self._behind(positions):
                        buffer, reached = self._read_batch(positions)
                        rows, transactions = partial(buffer.frame, self._topic_ids), self._transactions(reached)
                        commits.begin(handle, rows, transactions, partial(self._landed, buffer, reached, todo))
                        positions = reached
                    else:
                        commits.land()
                        is_done = True
                except LakeConflict:
                    handle, positions = self._seek()

    def _landed(self, buffer: Buffer, reached: Mapping[TopicPartition, int], todo: int) -> None:
        self._report.commits += 1
        self._report.rows += len(buffer)
        for topic, rows in buffer.rows_by_topic().items():
            self._report.rows_by_topic[topic] = self._report.rows_by_topic.get(topic, 0) + rows
        self._on_progress(todo - sum(max(0, end - reached[tp]) for tp, end in self._ends.items()), todo)

    def _behind(self, positions: Mapping[TopicPartition, int]) -> bool:
        return any(positions[tp] < end for tp, end in self._ends.items())

    def _seek(self) -> tuple[Handle, dict[TopicPartition, int]]:
        """Load the lake's positions and seek to them: the start of a pass and the answer to a lost race."""
        handle = self._lake.open(RAW)
        beginnings = self._consumer.beginning_offsets(self._partitions)
        readable = self._consumer.end_offsets(self._partitions)
        positions: dict[TopicPartition, int] = {}
        gaps: list[Gap] = []
        for tp in self._partitions:
            saved = handle.position(app_id(self._topic_ids[tp.topic], tp.partition))
            if saved is not None and saved < beginnings[tp]:
                gaps.append(Gap(tp.topic, self._topic_ids[tp.topic], tp.partition, saved, beginnings[tp]))
                saved = beginnings[tp]
            if saved is not None and saved > readable[tp]:
                raise OffsetsGone(
                    f"Topic {tp.topic}, partition {tp.partition}: the lake has offsets below {saved}, "
                    f"but Kafka's log ends at {readable[tp]}: its tail is gone, and new records get old offsets.",
                    "Nothing was skipped. Restore the log from a mirror, or create the topic anew: it is read whole.",
                )
            positions[tp] = beginnings[tp] if saved is None else saved
            self._consumer.seek(tp, positions[tp])
        record_feeds(
            self._lake,
            (Feed(tp.topic, self._topic_ids[tp.topic], tp.partition, start) for tp, start in positions.items()),
        )
        return (handle, positions) if not gaps else self._pass_over(gaps, handle, positions)

    def _pass_over(
        self, gaps: list[Gap], handle: Handle, positions: dict[TopicPartition, int]
    ) -> tuple[Handle, dict[TopicPartition, int]]:
        """Note gaps, then move the lake's positions behind them: a crash in between shows the same gaps again."""
        if self._accept_gaps_at is None:
            first = gaps[0]
            others = f" So it is with {len(gaps) - 1} more partitions." if len(gaps) > 1 else ""
            raise OffsetsGone(
                f"Topic {first.topic}, partition {first.partition}: the lake has offsets below {first.start}, "
                f"but Kafka's log now starts at {first.stop}: {first.offsets} offsets are gone.{others}",
                "Nothing was skipped. Restore the records from a mirror and raise the topic's retention. To go on "
                "without them: `emberline run --accept-gaps`, which notes the gap in lake table gaps.",
            )
        record_gaps(self._lake, gaps, self._accept_gaps_at)
        try:
            self._lake.append(handle, pl.DataFrame(schema=RAW.schema), self._transactions(positions))
        except LakeConflict:
            return self._seek()
        self._report.offsets_lost += sum(gap.offsets for gap in gaps)
        return handle, positions

    def _read_batch(self, start: Mapping[TopicPartition, int]) -> tuple[Buffer, dict[TopicPartition, int]]:
        """Poll until a limit or all ends are reached; the records, and the consumer's positions after them."""
        buffer = self._new_buffer()
        positions = dict(start)
        began = moved_at = time.monotonic()
        while (
            self._behind(positions)
            and len(buffer) < self._limits.rows
            and buffer.bytes < self._limits.bytes
            and (not len(buffer) or time.monotonic() - began < self._limits.seconds)
        ):
            try:
                buffer.poll(_POLL_MS, self._limits.rows - len(buffer), self._limits.bytes - buffer.bytes)
            except OffsetOutOfRangeError as error:
                raise OffsetsGone(
                    f"Kafka does not have the offsets the lake wants next ({error}).",
                    "Nothing was skipped. If the topic was truncated, restore it from a mirror.",
                ) from error
            reached = {tp: self._position(tp) for tp in self._partitions}
            if reached != positions:
                positions, moved_at = reached, time.monotonic()
            elif time.monotonic() - moved_at > self._limits.stall_seconds:
                lagging = next(tp for tp, end in self._ends.items() if positions[tp] < end)
                raise FeedStalled(
                    f"Topic {lagging.topic}, partition {lagging.partition}: no record arrived for "
                    f"{self._limits.stall_seconds:g} s at offset {positions[lagging]}, "
                    f"though there are records up to {self._ends[lagging]}.",
                    "What was read before is safe. Check the brokers, then run again.",
                )
        return buffer, positions

    def _position(self, tp: TopicPartition) -> int:
        position = self._consumer.position(tp)
        if position is None:
            raise FeedStalled(
                f"Topic {tp.topic}, partition {tp.partition}: the consumer lost its position.",
                "What was read before is safe; run again.",
            )
        return position

    def _transactions(self, positions: Mapping[TopicPartition, int]) -> dict[str, int]:
        """The positions of all partitions, also of those that stood still.

        Two commits that share no app id both land, and this handle would then carry a rival's position that this pass
        has not seen: its next commit would double the rival's records.
        """
        return {app_id(self._topic_ids[tp.topic], tp.partition): position for tp, position in positions.items()}


def in_spans(start: Mapping[tuple[str, int], int], stop: Mapping[tuple[str, int], int]) -> pl.Expr:
    """Whether a record of `raw` has an offset in `[start, stop)` of its (topic id, partition)."""
    return pl.any_horizontal(
        pl.lit(value=False),
        *(
            (pl.col("topic_id") == topic_id)
            & (pl.col("partition") == partition)
            & pl.col("offset").is_between(start.get((topic_id, partition), 0), end, closed="left")
            for (topic_id, partition), end in stop.items()
        ),
    )


def raw_rows(handle: Handle, start: Mapping[tuple[str, int], int], stop: Mapping[tuple[str, int], int]) -> pl.DataFrame:
    """The records of `raw` with offsets in `[start, stop)` for each (topic id, partition)."""
    return handle.scan().filter(in_spans(start, stop)).collect(engine="streaming")
