"""What is left when the faults are over, told by independent readers and by computing everything again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.recompute import differences
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import stored_counts
from pipelines.lake import Lake
from tests.chaos.load import Account
from tests.chaos.stack import Stack
from tests.faults.invariant import Record, in_kafka, in_raw


@dataclass(frozen=True)
class Counted:
    """Records by what became of them.

    `kept` are those Kafka has. `unkept` were acknowledged and are not there; of Kafka's, `lost` are not in `raw`;
    `doubled` are there twice, `invented` are in `raw` only.
    """

    sent: int
    acknowledged: int
    kept: int
    unkept: int
    lost: int
    doubled: int
    invented: int

    @property
    def uncertain_kept(self) -> int:
        """Records that Kafka has without ever having said so."""
        return self.kept - self.acknowledged


def count(kafka: KafkaConnection, lake: Lake, topics: Sequence[str], account: Account) -> Counted:
    """Compare what the producer was told, what a plain consumer is given, and what `raw` holds."""
    kept, stored = in_kafka(kafka, *topics), in_raw(lake)
    names = {topic.topic_id: topic.name for topic in kafka.topics(topics)}
    return Counted(
        sent=account.sent,
        acknowledged=len(account.acknowledged),
        kept=len(kept),
        unkept=_unkept(account, kept, names),
        lost=(Counter(kept) - Counter(stored)).total(),
        doubled=len(stored) - len({record[:3] for record in stored}),
        invented=len(set(stored) - set(kept)),
    )


def _unkept(account: Account, kept: list[Record], names: Mapping[str, str]) -> int:
    """Acknowledged records that Kafka does not have at their place, with their value; `names` by topic id."""
    found = {(names[topic_id], partition, offset): hash(value) for topic_id, partition, offset, value in kept}
    return sum(found.get(place) != value for place, value in account.acknowledged.items())


def faults_of(counted: Counted) -> Iterator[str]:
    """What the counts say against the pipeline, or against the broker."""
    if counted.unkept:
        yield f"Kafka lost {counted.unkept} acknowledged records"
    if counted.kept > counted.sent:
        yield f"Kafka holds {counted.kept} records, though {counted.sent} were sent"
    for number, what in (
        (counted.lost, "records of Kafka are not in raw"),
        (counted.doubled, "rows of raw are doubles"),
        (counted.invented, "rows of raw are not in Kafka"),
    ):
        if number:
            yield f"{number} {what}"


def differences_from_fresh(stack: Stack) -> Iterator[str]:
    """What differs between what the faults left and one run over the same topics, in a lake and database of its own."""
    counts = stored_counts(stack.lake)
    if counts.unaccounted:
        yield f"the counts do not add up: {counts}"
    yield from differences(stack.services)
