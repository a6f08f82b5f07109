"""A file arrives in Kafka whole, in order, and with the copies of an event on one partition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from kafka.structs import TopicPartition

from pipelines.carriers import CARRIERS
from pipelines.ingest.connection import KafkaConnection, KafkaUnreachable
from pipelines.ingest.replay import ProduceFailed, ReplayFileError, produce, replay
from tests.pipelines.canonical import encoded, message

CANONICAL, ZULIP = CARRIERS["cloudevents"], CARRIERS["zulip"]
MakeTopic = Callable[..., str]

ARCHIVE = pl.DataFrame(
    {
        "stream_id": [7, 7],
        "stream": ["general", "general"],
        "msg_id": [1, 2],
        "sender": ["a", "b"],
        "ts": [1_600_000_000, 1_600_000_001],
        "is_bot": [False, False],
        "text_len": [5, 6],
        "n_links": [0, 0],
        "n_mentions": [0, 0],
    }
)


def arrived(
    connection: KafkaConnection, topic: str, partitions: int = 1
) -> list[tuple[int, bytes | None, bytes | None]]:
    """Partition, key and value of every record, in the order of each partition."""
    consumer = connection.consumer()
    every = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(every)
    consumer.seek_to_beginning(*every)
    ends, found = consumer.end_offsets(every), []
    while any((consumer.position(tp) or 0) < end for tp, end in ends.items()):
        for records in consumer.poll(timeout_ms=500).values():
            found += [(record.partition, record.key, record.value) for record in records]
    consumer.close()
    return sorted(found, key=lambda record: record[0])


def test_lines_arrive_in_order_keyed_by_event(connection: KafkaConnection, topic: MakeTopic, tmp_path: Path):
    name, file = topic(), tmp_path / "events.jsonl"
    lines = [encoded(message(id=str(number))) for number in range(3)]
    file.write_bytes(lines[0] + b"\n" + lines[1] + b"\r\n" + lines[2])
    assert replay(connection, name, file, CANONICAL) == 3
    assert arrived(connection, name) == [(0, str(number).encode(), line) for number, line in enumerate(lines)]


def test_lines_that_are_no_event_arrive_too_and_without_a_key(
    connection: KafkaConnection, topic: MakeTopic, tmp_path: Path
):
    name, file = topic(), tmp_path / "events.ndjson"
    file.write_bytes(b"{\n\n\xff\n" + encoded(message()) + b"\n")
    assert replay(connection, name, file, CANONICAL) == 4
    expected = [(None, b"{"), (None, b""), (None, b"\xff"), (b"e1", encoded(message()))]
    assert [record[1:] for record in arrived(connection, name)] == expected


def test_copies_of_an_event_share_a_partition_in_the_order_of_the_file(
    connection: KafkaConnection, topic: MakeTopic, tmp_path: Path
):
    name, file = topic(partitions=3), tmp_path / "events.jsonl"
    copies = [encoded(message({"message_id": f"m{copy}"}, id=str(event))) for copy in range(4) for event in range(6)]
    file.write_bytes(b"\n".join(copies))
    replay(connection, name, file, CANONICAL)
    records = arrived(connection, name, partitions=3)
    for event in range(6):
        of_event = [(partition, value) for partition, key, value in records if key == str(event).encode()]
        assert len({partition for partition, _ in of_event}) == 1
        assert [value for _, value in of_event] == copies[event::6]


def test_an_archive_arrives_as_payloads_of_its_carrier(connection: KafkaConnection, topic: MakeTopic, tmp_path: Path):
    name, file = topic(), tmp_path / "messages.parquet"
    ARCHIVE.write_parquet(file)
    done: list[int] = []
    assert replay(connection, name, file, ZULIP, done.append) == 2
    assert done == [2]
    records = arrived(connection, name)
    assert [key for _, key, _ in records] == [b"message/1", b"message/2"]
    assert ZULIP.decode([value for _, _, value in records if value]).rejected.is_empty()


def test_an_empty_file_sends_nothing(connection: KafkaConnection, topic: MakeTopic, tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.touch()
    assert replay(connection, topic(), file, CANONICAL) == 0


def folder(path: Path) -> None:
    path.mkdir()


def garbage(path: Path) -> None:
    path.write_bytes(b"no parquet at all")


def cut_off(path: Path) -> None:
    ARCHIVE.write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


def other_columns(path: Path) -> None:
    ARCHIVE.drop("ts").write_parquet(path)


def archive(path: Path) -> None:
    ARCHIVE.write_parquet(path)


@pytest.mark.parametrize(
    ("file", "make", "carrier", "found"),
    [
        ("absent.jsonl", lambda _path: None, "cloudevents", "no file"),
        ("folder.jsonl", folder, "cloudevents", "no file"),
        ("events.csv", garbage, "cloudevents", "'.csv'"),
        ("events", garbage, "cloudevents", "unknown form"),
        ("archive.parquet", archive, "cloudevents", "no Parquet export"),
        ("archive.parquet", other_columns, "zulip", "ts"),
        ("archive.parquet", garbage, "zulip", "archive.parquet"),
        ("archive.parquet", cut_off, "zulip", "archive.parquet"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_an_error_that_says_why(
    kafka: str, tmp_path: Path, file: str, make: Callable[[Path], None], carrier: str, found: str
):
    make(tmp_path / file)
    with pytest.raises(ReplayFileError, match=found):
        replay(KafkaConnection(kafka), "unused", tmp_path / file, CARRIERS[carrier])


def test_a_record_that_kafka_refuses_is_an_error(kafka: str, topic: MakeTopic):
    tiny = topic(configs={"max.message.bytes": "100"})
    big = pl.DataFrame(
        {"topic": [tiny], "key": [None], "value": [bytes(range(256))]}, schema_overrides={"key": pl.Binary}
    )
    with pytest.raises(ProduceFailed):
        produce(KafkaConnection(kafka), big)


def test_a_broker_that_does_not_answer_is_an_error_that_names_it(tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"{")
    nobody = KafkaConnection("127.0.0.1:1", {"bootstrap_timeout_ms": 500})
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:1"):
        replay(nobody, "unused", file, CANONICAL)
