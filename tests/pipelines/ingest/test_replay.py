"""A file arrives in Kafka whole, in order, and with the copies of an event on one partition."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from kafka.structs import TopicPartition

from pipelines.carriers import CARRIERS
from pipelines.carriers.base import MAX_VALUE_BYTES
from pipelines.ingest.connection import KafkaConnection, KafkaUnreachable
from pipelines.ingest.replay import Replayed, produce, replay
from pipelines.ingest.replay_file import ReplayFileError, chunks
from pipelines.ingest.sending import RecordTooLarge
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
    assert replay(connection, name, file, CANONICAL) == Replayed(records=3)
    assert arrived(connection, name) == [(0, str(number).encode(), line) for number, line in enumerate(lines)]


def test_lines_that_are_no_event_arrive_too_without_a_key_and_are_told_by_their_number(
    connection: KafkaConnection, topic: MakeTopic, tmp_path: Path
):
    name, file = topic(), tmp_path / "events.ndjson"
    typo = encoded(message(type="mesage.sent"))
    file.write_bytes(b"{\n\n\xff\n" + typo + b"\n \r\n" + encoded(message()) + b"\n" + encoded(message())[:-1])
    sent = replay(connection, name, file, CANONICAL)
    values = [b"{", b"\xff", typo, encoded(message()), encoded(message())[:-1]]
    assert sorted(value or b"" for _, _, value in arrived(connection, name)) == sorted(values)
    assert (sent.records, sent.blank_lines, sent.no_events) == (5, 2, 4)
    assert [example.partition(" (")[0] for example in sent.examples] == [
        "line 1: bad_json", "line 3: bad_json", "line 4: unknown_kind", "line 7: bad_json",
    ]  # fmt: skip
    assert "mesage.sent is no kind of event; the nearest is message.sent" in sent.examples[2]


def lines_of(file: Path) -> list[tuple[int, bytes]]:
    """Number and value of every record of a file."""
    return [row for chunk in chunks(file, CANONICAL) for row in zip(chunk.numbers, chunk.values, strict=True)]


def test_a_byte_order_mark_is_no_part_of_the_first_record(tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + encoded(message()) + b"\r\n\n" + encoded(message()))
    assert lines_of(file) == [(1, encoded(message())), (3, encoded(message()))]


def test_progress_ends_at_the_whole_of_the_file(tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\xef\xbb\xbf{}\n\n{}")
    assert [(chunk.done, chunk.todo) for chunk in chunks(file, CANONICAL)] == [(9, 9)]


def test_a_line_that_is_too_long_is_named_by_its_number(tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"{}\n" * 2 + b'"' + b"x" * MAX_VALUE_BYTES + b'"\n')
    with pytest.raises(ReplayFileError, match=r"Line 3 has 1,048,578 bytes(.|\n)*Shorten or remove the line"):
        lines_of(file)


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
    done: list[tuple[int, int]] = []
    sent = replay(connection, name, file, ZULIP, lambda *progress: done.append(progress))
    assert (sent, done) == (Replayed(records=2), [(2, 2)])
    records = arrived(connection, name)
    assert [key for _, key, _ in records] == [b"message/1", b"message/2"]
    assert ZULIP.decode([value for _, _, value in records if value]).rejected.is_empty()


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.touch()


def blank(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf\n \r\n")


def utf_16(path: Path) -> None:
    path.write_text("{}", encoding="utf-16")


def no_rows(path: Path) -> None:
    ARCHIVE.clear().write_parquet(path)


def gone_link(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def itself(path: Path) -> None:
    path.symlink_to(path)


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
        ("link.jsonl", gone_link, "cloudevents", "no file"),
        ("itself.jsonl", itself, "cloudevents", "no file|cannot be read"),
        ("folder.jsonl", folder, "cloudevents", "is a folder"),
        ("folder.parquet", folder, "zulip", "is a folder"),
        ("events.jsonl", empty, "cloudevents", "is empty"),
        ("events.jsonl", blank, "cloudevents", "is empty"),
        ("events.jsonl", utf_16, "cloudevents", "UTF-16"),
        ("archive.parquet", no_rows, "zulip", "is empty"),
        ("archive.parquet", empty, "zulip", "archive.parquet"),
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
    with pytest.raises(RecordTooLarge, match="A record of 256 bytes"):
        produce(KafkaConnection(kafka), big)


def test_a_line_that_the_topic_does_not_take_is_named_by_its_number(
    connection: KafkaConnection, topic: MakeTopic, tmp_path: Path
):
    file = tmp_path / "events.jsonl"
    # Written so that it stays as long when the producer compresses it.
    noise = random.Random(1).randbytes(2000).hex()
    file.write_bytes(b"\n\n" + noise.encode())
    with pytest.raises(ReplayFileError, match="Line 3: A record of 4,000 bytes"):
        replay(connection, topic(configs={"max.message.bytes": "1500"}), file, CANONICAL)


def test_a_broker_that_does_not_answer_is_an_error_that_names_it(tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"{")
    nobody = KafkaConnection("127.0.0.1:1", {"bootstrap_timeout_ms": 500})
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:1"):
        replay(nobody, "unused", file, CANONICAL)
