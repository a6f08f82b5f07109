"""From Kafka to events in one pass: the same events whatever comes in between, and nothing of raw is left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl
import pytest
from polars.exceptions import PanicException

from pipelines.carriers import CARRIERS
from pipelines.ingest import kafka_to_events
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import stored_counts
from pipelines.ingest.event_writer import BATCH, ZoneChanged
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.kafka_to_events import Ingested
from pipelines.ingest.raw import ingest_raw
from pipelines.ingest.tolerance import Tolerance, TooManyBadRecords
from pipelines.lake import Handle, Lake
from pipelines.pseudonym_key import bind_key
from schemas.lake import EVENTS, RAW, LakeTable
from tests.faults.invariant import assert_each_record_accounted_for, assert_each_record_once
from tests.pipelines.canonical import PSEUDONYMS, RULES, encoded, message

MakeTopic = Callable[..., str]
Send = Callable[..., None]
THREE_ROWS = BatchLimits(rows=3, seconds=300, stall_seconds=300)


def values(count: int, start: int = 0) -> list[bytes]:
    return [encoded(message(id=f"e{number}")) for number in range(start, start + count)]


def ingest(connection: KafkaConnection, lake: Lake, *topics: str, tolerance: float = 0.5) -> Ingested:
    carriers = dict.fromkeys(topics, CARRIERS["cloudevents"])
    return kafka_to_events.ingest(connection, lake, carriers, THREE_ROWS, RULES, Tolerance(tolerance, rows=2))


@dataclass(frozen=True)
class Watched(Lake):
    """A lake that does something before or after each append to a table, and knows which tables were read."""

    before: Callable[[LakeTable], None] = lambda _table: None
    after: Callable[[LakeTable], None] = lambda _table: None
    opened: list[LakeTable] = field(default_factory=list)

    def open(self, table: LakeTable) -> Handle:
        self.opened.append(table)
        return super().open(table)

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        self.before(handle.table)
        super().append(handle, rows, positions, **options)
        self.after(handle.table)


def test_each_commit_to_raw_is_decoded_as_a_batch_and_raw_is_not_read_back(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, monkeypatch: pytest.MonkeyPatch
):
    name = topic(partitions=2)
    send(name, *values(8))
    send(name, *values(8, start=4), b"{", partition=1)
    monkeypatch.setattr("pipelines.ingest.events.raw_rows", None)
    raw, events = ingest(connection, lake, name)
    assert (raw.rows, raw.commits) == (17, 6)
    assert (events.raw, events.events, events.duplicates, events.quarantined) == (17, 12, 4, 1)
    assert lake.open(EVENTS).position(BATCH) == 6
    monkeypatch.undo()
    assert_each_record_once(connection, lake, name)
    assert_each_record_accounted_for(lake)


def test_a_pass_first_decodes_what_others_left_in_raw(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *values(4))
    ingest_raw(connection, lake, [name], THREE_ROWS)
    send(name, *values(4, start=4))
    raw, events = ingest(connection, lake, name)
    assert (raw.rows, events.events) == (4, 8)
    assert_each_record_accounted_for(lake)


@pytest.mark.parametrize("commits_before", [0, 1, 2])
def test_what_another_writer_put_in_between_is_decoded_too(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, commits_before: int
):
    name, others = topic(), topic()
    send(name, *values(9))
    send(others, *values(2, start=9))
    left = [commits_before]

    def rival(table: LakeTable) -> None:
        if table is RAW:
            left[0] -= 1
            if left[0] == -1:
                ingest_raw(connection, lake, [others], THREE_ROWS)

    _, events = ingest(connection, Watched(lake.uri, before=rival), name, others)
    assert events.events == 11
    assert_each_record_once(connection, lake, name, others)
    assert_each_record_accounted_for(lake)


def test_after_a_bad_batch_raw_is_read_to_its_end_and_the_next_pass_decodes_the_rest(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *values(3), b"{", b"{", *values(4, start=3))
    with pytest.raises(TooManyBadRecords):
        ingest(connection, lake, name)
    assert_each_record_once(connection, lake, name)
    assert stored_counts(lake).events == 3
    _, events = ingest(connection, lake, name, tolerance=1.0)
    assert (events.events, events.quarantined) == (4, 2)
    assert_each_record_accounted_for(lake)


def test_a_zone_that_was_changed_stops_the_decoding_and_not_the_reading(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, monkeypatch: pytest.MonkeyPatch
):
    name = topic()
    send(name, *values(1))
    ingest(connection, lake, name)
    send(name, *values(4, start=1))
    monkeypatch.setattr("pipelines.ingest.event_writer._code", lambda _zone: 1)
    with pytest.raises(ZoneChanged):
        ingest(connection, lake, name)
    assert_each_record_once(connection, lake, name)
    assert stored_counts(lake).events == 1


@pytest.mark.parametrize("failure", [OSError, PanicException])
def test_what_fails_under_the_events_loses_none(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send, failure: type[BaseException]
):
    """`raw` is read to its end all the same, and the next pass decodes the rest."""
    name = topic()
    send(name, *values(9))
    batches = iter(range(3))

    def fail(table: LakeTable) -> None:
        # Of `events` alone: a write of `raw` that comes meanwhile is to succeed.
        if table is EVENTS and next(batches) == 1:
            raise failure("The store is gone.")

    with pytest.raises(failure, match="gone"):
        ingest(connection, Watched(lake.uri, before=fail), name)
    assert_each_record_once(connection, lake, name)
    assert stored_counts(lake).events == 3
    assert ingest(connection, lake, name).events.events == 6
    assert_each_record_accounted_for(lake)


def test_kafka_waits_while_the_events_are_stored(connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send):
    name = topic()
    send(name, *values(30))
    bind_key(lake, PSEUDONYMS)
    ahead = [0, 0]

    def count(table: LakeTable) -> None:
        if table is RAW:
            ahead[0] += 1
            ahead[1] = max(ahead)
        if table is EVENTS:
            ahead[0] -= 1

    _, events = ingest(connection, Watched(lake.uri, after=count), name)
    assert events.events == 30
    assert ahead[1] <= kafka_to_events.AT_ONCE + 1
