"""Records that are broken, strange, repeated or from the future: each is accounted for, none stops the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaProducer

from pipelines.events.watermark import watermark
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.counts import Counts, stored_counts
from pipelines.ingest.tolerance import Tolerance, TooManyBadRecords
from pipelines.lake import Lake
from schemas.lake import EVENTS, QUARANTINE, RAW, TOUCHED
from tests.faults.invariant import assert_each_record_accounted_for, assert_each_record_once, drain
from tests.pipelines.canonical import NOON, encoded, message

DAY = dt.timedelta(days=1)
MEGABYTE = 1024 * 1024

MakeTopic = Callable[..., str]
Send = Callable[..., None]
SendAt = Callable[..., None]

GOOD = encoded(message())


@pytest.fixture
def send_at(kafka: str) -> Iterator[SendAt]:
    """Send one value, up to 12 MB large, at a time of Kafka's: `send_at(topic, value, time, key=None)`."""
    options: dict[str, Any] = {"bootstrap_servers": kafka, "max_request_size": 12 * MEGABYTE}
    producer = KafkaProducer(**options)

    def send_one(topic: str, value: bytes | None, time: dt.datetime = NOON, key: bytes | None = None) -> None:
        stamp = int(time.timestamp() * 1000)
        producer.send(topic, value, key=key, partition=0, timestamp_ms=stamp).get(timeout=120)

    yield send_one
    producer.close()


def quarantined(lake: Lake) -> list[tuple[object, ...]]:
    return lake.open(QUARANTINE).scan().sort("offset").select("offset", "reason", "value").collect().rows()


def details(lake: Lake) -> list[tuple[str, str]]:
    return lake.open(QUARANTINE).scan().sort("offset").select("reason", "detail").collect().rows()


BROKEN = {
    "bad JSON": (b"{", "bad_json"),
    "NaN": (GOOD[:-1] + b', "x": NaN}', "bad_json"),
    "wrong type": (encoded(message(id=1)), "invalid_field"),
    "10 MB": (GOOD[:-1] + b', "x": "' + b"x" * (10 * MEGABYTE) + b'"}', "too_large"),
    "bad UTF-8": (GOOD.replace(b"e1", b"\xff"), "bad_utf8"),
    "deep nesting": (GOOD[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    "empty value": (b"", "empty_value"),
}


def test_fault_13_broken_values_are_quarantined_once_with_place_reason_and_bytes(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send_at: SendAt
):
    name = topic(configs={"max.message.bytes": str(12 * MEGABYTE)})
    for value, _ in BROKEN.values():
        send_at(name, value)
    send_at(name, GOOD)
    assert drain(connection, lake, name) == Counts(raw=8, events=1, quarantined=7)
    assert drain(connection, lake, name) == Counts()
    expected = [(offset, reason, value) for offset, (value, reason) in enumerate(BROKEN.values())]
    assert quarantined(lake) == expected
    [found] = connection.topics([name])
    places = lake.open(QUARANTINE).scan().select("topic", "topic_id", "partition", "kafka_time").unique().collect()
    assert places.rows() == [(name, found.topic_id, 0, NOON)]
    assert_each_record_once(connection, lake, name)
    assert_each_record_accounted_for(lake)


STRICT = Tolerance(share=0.5, rows=10)


def test_fault_14_a_batch_with_too_many_bad_records_stops_the_run_and_loses_nothing(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *[encoded(message(id=str(number))) for number in range(4)], b"", *[b"{"] * 5)
    with pytest.raises(TooManyBadRecords, match=rf"{name}: 6 of 10 .*60%.* 50% .* 5 times: bad_json .* offset 5"):
        drain(connection, lake, name, tolerance=STRICT)
    assert_each_record_once(connection, lake, name)
    for table in (EVENTS, QUARANTINE, TOUCHED):
        assert lake.open(table).version == 0


def test_fault_14_a_higher_share_lets_the_run_go_on(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *[encoded(message(id=str(number))) for number in range(4)], *[b"{"] * 6)
    with pytest.raises(TooManyBadRecords):
        drain(connection, lake, name, tolerance=STRICT)
    allowed = Tolerance(share=0.6, rows=10)
    assert drain(connection, lake, name, tolerance=allowed) == Counts(raw=10, events=4, quarantined=6)
    assert_each_record_accounted_for(lake)


def test_fault_14_a_batch_of_few_records_is_not_judged(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    send(name, *[b"{"] * 9)
    assert drain(connection, lake, name, tolerance=STRICT).quarantined == 9


def test_fault_14_a_small_topic_does_not_break_unseen_behind_a_large_one(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    large, small = topic(), topic()
    send(large, *[encoded(message(id=str(number))) for number in range(40)])
    send(small, *[b"{"] * 10)
    with pytest.raises(TooManyBadRecords, match=f"{small}: 10 of 10"):
        drain(connection, lake, large, small, tolerance=STRICT)


def test_fault_14_topics_too_small_to_be_judged_alone_are_judged_together(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    one, other = topic(), topic()
    send(one, *[b"{"] * 6)
    send(other, *[b"{"] * 5)
    with pytest.raises(TooManyBadRecords, match="11 of 11"):
        drain(connection, lake, one, other, tolerance=STRICT)


def test_fault_15_tombstones_are_counted_and_a_null_key_is_no_fault(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send_at: SendAt
):
    name = topic()
    send_at(name, None, key=b"e1")
    send_at(name, GOOD)
    send_at(name, None, key=b"e1")
    assert drain(connection, lake, name) == Counts(raw=3, events=1, tombstones=2)
    assert lake.open(RAW).scan().sort("offset").select("key").collect()["key"].to_list() == [b"e1", None, b"e1"]


def test_fault_16_a_field_added_passes_and_one_narrowed_or_renamed_is_named(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send: Send
):
    name = topic()
    added = message({"mood": {"joy": 1}}, id="a", traceparent="00-1")
    narrowed = message({"text_length": "12"}, id="b")
    renamed = message({"message_id": ..., "msg_id": "m1"}, id="c")
    send(name, *map(encoded, (added, narrowed, renamed)))
    assert drain(connection, lake, name) == Counts(raw=3, events=1, quarantined=2)
    (narrow, where), (missing, what) = details(lake)
    assert (narrow, missing) == ("invalid_field", "missing_field")
    assert "$.data.text_length" in where
    assert "message_id" in what


def test_fault_17_an_event_at_two_offsets_and_again_days_later_is_counted_once(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send_at: SendAt
):
    name = topic()
    send_at(name, GOOD)
    send_at(name, GOOD)
    assert drain(connection, lake, name) == Counts(raw=2, events=1, duplicates=1)
    send_at(name, GOOD, NOON + 9 * DAY)
    assert drain(connection, lake, name) == Counts(raw=1, duplicates=1)
    assert lake.open(EVENTS).scan().select("offset").collect()["offset"].to_list() == [0]
    assert_each_record_accounted_for(lake)


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "in two batches"])
@pytest.mark.parametrize("first_is_first", [True, False], ids=["first copy first", "later copy first"])
def test_fault_18_of_two_bodies_the_first_delivered_wins_and_the_conflict_is_counted(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send_at: SendAt, at_once: bool, first_is_first: bool
):
    name = topic()
    copies = [("first", NOON), ("later", NOON + DAY)]
    for body, time in copies if first_is_first else reversed(copies):
        send_at(name, encoded(message({"message_id": body})), time)
        if not at_once:
            drain(connection, lake, name)
    drain(connection, lake, name)
    assert lake.open(EVENTS).scan().select("message_id").collect()["message_id"].to_list() == ["first"]
    assert stored_counts(lake) == Counts(raw=2, events=1, duplicates=1, conflicts=1)


def test_fault_20_an_event_of_the_future_is_quarantined_and_moves_no_watermark(
    connection: KafkaConnection, lake: Lake, topic: MakeTopic, send_at: SendAt
):
    name = topic()
    send_at(name, GOOD)
    drain(connection, lake, name)
    before = watermark(lake.open(EVENTS).scan(), dt.timedelta(0), DAY)
    for number, ahead in enumerate((dt.timedelta(minutes=11), 30 * DAY)):
        send_at(name, encoded(message(id=f"ahead {number}", time=(NOON + ahead).isoformat())))
    send_at(name, encoded(message(id="slightly ahead", time=(NOON + dt.timedelta(minutes=9)).isoformat())))
    assert drain(connection, lake, name) == Counts(raw=3, events=1, quarantined=2)
    assert {reason for reason, _ in details(lake)} == {"future_time"}
    assert before == NOON
    assert watermark(lake.open(EVENTS).scan(), dt.timedelta(0), DAY) == NOON + dt.timedelta(minutes=9)
