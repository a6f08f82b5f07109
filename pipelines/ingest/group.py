"""A worker of a consumer group: reads its share of the partitions into `raw` until it is stopped.

Kafka's consumer group only assigns partitions: positions come from the lake, and `Intake` refuses what another worker
has already written. So a worker that lost its partitions without noticing does no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from kafka import KafkaConsumer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from pipelines.ingest.connection import GroupTimes, KafkaConnection
from pipelines.ingest.intake import BatchLimits, Intake, Now, Offsets, RawReport
from pipelines.lake import Lake
from schemas.errors import EmberlineError

USUAL_TIMES: Final = GroupTimes()


def ingest_as_worker(
    connection: KafkaConnection,
    lake: Lake,
    topic_names: Iterable[str],
    limits: BatchLimits,
    group: str,
    is_stopping: Callable[[], bool],
    on_commit: Callable[[RawReport], None] = lambda _report: None,
    accept_gaps_at: Now | None = None,
    times: GroupTimes = USUAL_TIMES,
) -> RawReport:
    """Share the partitions of the topics with the other workers of a group, and append their records to `raw`.

    Args:
        connection: The brokers.
        lake: The lake of `raw`.
        topic_names: Topics to read; one that does not exist yet is read once it does.
        limits: When to commit a batch. During a commit, Kafka is only polled to stay in the group.
        group: Name of the consumer group. Its offsets in Kafka are for monitoring only and never read back.
        is_stopping: Called at least twice a second; if true, what was read is committed and the group is left.
        on_commit: Called after each commit with the report so far.
        accept_gaps_at: See `Intake`.
        times: See `GroupTimes`.

    Raises:
        FastReaderUnsupported: The connection's reader is `fast` and the installed client is not a tested one.
        OffsetsGone: Retention removed records before they were read, or the end of a log is lost.
        FeedStalled: A position did not move for `limits.stall_seconds` although there is lag.
        KafkaRefused: The brokers reject this user.
        KafkaHungUp: They close the connection during the login.
        KafkaUnreachable: No broker answers.
        LakeUnavailable: The lake does not answer.
    """
    with connection.translate_errors(), connection.directory(limits.stall_seconds) as directory:
        consumer = connection.group_member(group, times)
        try:
            with Intake(connection, consumer, directory, lake, limits, accept_gaps_at) as intake:
                _Worker(consumer, intake, on_commit).run(list(topic_names), is_stopping, times.look_again_s)
                return intake.report
        finally:
            consumer.close(autocommit=False)


class _Worker:
    """The loop of a worker. Between two polls it does one thing: follow the group, commit, or check the topics."""

    def __init__(self, consumer: KafkaConsumer, intake: Intake, on_commit: Callable[[RawReport], None]) -> None:
        self._consumer = consumer
        self._intake = intake
        self._on_commit = on_commit
        self._share = _Share(consumer, intake)
        self._told = 0

    def run(self, topics: list[str], is_stopping: Callable[[], bool], look_again_s: float) -> None:
        self._consumer.subscribe(topics, listener=self._share)
        looked_at = time.monotonic()
        while not is_stopping():
            self._intake.poll(self._stable_ends)
            if self._share.is_dealt_anew():
                self._begin()
            elif self._intake.is_due:
                self._commit()
            elif time.monotonic() - looked_at > look_again_s:
                if self._intake.is_topic_new():
                    self._begin()
                looked_at = time.monotonic()
            self._tell()
        self._commit()
        self._tell()

    def _begin(self) -> None:
        """Seek all partitions of this worker to the lake's positions."""
        self._intake.seek(self._consumer.assignment())
        self._consumer.resume(*self._intake.positions)

    def _commit(self) -> None:
        if self._intake.commit():
            self._consumer.commit_async(
                {tp: OffsetAndMetadata(position, "", -1) for tp, position in self._intake.positions.items()}
            )

    def _tell(self) -> None:
        if self._intake.report.commits > self._told:
            self._told = self._intake.report.commits
            self._on_commit(self._intake.report)

    def _stable_ends(self) -> Offsets:
        partitions = list(self._intake.positions)
        return self._consumer.end_offsets(partitions) if partitions else {}


class _Share(ConsumerRebalanceListener):
    """Tracks the partitions assigned to this worker.

    The client calls it during a poll from its own thread, while the worker waits for that poll: it must not make
    requests to the client that wait for an answer.
    """

    def __init__(self, consumer: KafkaConsumer, intake: Intake) -> None:
        self._consumer = consumer
        self._intake = intake
        self._is_dealt = False
        self._failure: Exception | None = None

    def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - all of them: the protocol is the eager one
        """Commit what was read before others get the partitions; if it fails, they read it."""
        try:
            self._intake.give_up(is_committed=True)
        except (EmberlineError, KafkaError) as error:
            self._failure = error

    def on_partitions_lost(self, lost: Any) -> None:  # noqa: ARG002
        """Drop the partitions, which others have already."""
        self._intake.give_up(is_committed=False)

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Pause the partitions until their positions are read from the lake; otherwise Kafka's would be used."""
        for tp in assigned:
            self._consumer.seek(tp, 0)
        self._consumer.pause(*assigned)
        self._is_dealt = True

    def is_dealt_anew(self) -> bool:
        """Return whether partitions were assigned since the last call.

        Raises:
            EmberlineError: What was read could not be committed.
        """
        if self._failure is not None:
            raise self._failure
        is_dealt, self._is_dealt = self._is_dealt, False
        return is_dealt
