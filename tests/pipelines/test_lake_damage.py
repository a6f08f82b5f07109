"""Damage to the lake is noticed, told with its place, and mended by what the message says."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines.engagement.person_day import person_day
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.kafka_to_events import ingest as ingest_from_kafka
from pipelines.lake import Handle, Lake, LakeUnavailable
from pipelines.lake_damage import LakeDamaged, damage_by_message, damage_of
from pipelines.refresh import refresh_days
from schemas.lake import EVENTS, FEED, IDENTITY_RULING, PERSON_DAY, RAW, LakeTable
from tests.pipelines.canonical import BY_TOPIC, RULES, encoded, ingest, land, message, records
from tests.pipelines.ingest.conftest import connection, lake, send

__all__ = ["connection", "lake", "send"]

TWO = BatchLimits(rows=2, seconds=0.5, stall_seconds=30)


@pytest.fixture(scope="session")
def four_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake with four events in two batches, to be copied."""
    folder = tmp_path_factory.mktemp("four_events")
    lake = Lake(str(folder))
    for first in (0, 2):
        events = [encoded(message(id=f"e{number}")) for number in (first, first + 1)]
        land(lake, records(events, offsets=range(first, first + 2)))
        ingest(lake)
    return folder


@pytest.fixture
def filled(four_events: Path, tmp_path: Path) -> Lake:
    """A lake with four events in two batches."""
    return Lake(str(shutil.copytree(four_events, tmp_path / "filled")))


def opened(lake: Lake, table: LakeTable) -> Handle:
    """A table as a process loads it that has not read it before."""
    return Lake(lake.uri).open(table)


def log_of(lake: Lake, table: LakeTable) -> Path:
    return Path(lake.table_uri(table)) / "_delta_log"


def newest_commit(lake: Lake, table: LakeTable) -> Path:
    return max(log_of(lake, table).glob("*.json"))


def delete_a_file(lake: Lake, table: LakeTable) -> str:
    file = Path(opened(lake, table).delta.file_uris()[0])
    file.unlink()
    return file.name


@pytest.mark.parametrize(
    ("table", "remedy"),
    [(EVENTS, "emberline rebuild events"), (RAW, "emberline run --accept-gaps")],
    ids=["events", "raw"],
)
def test_a_data_file_that_is_gone_is_named_with_what_to_do(filled: Lake, table: LakeTable, remedy: str):
    name = delete_a_file(filled, table)
    with pytest.raises(LakeDamaged, match=f"{table.name}: 1 file is gone that its log names: {name}") as told:
        opened(filled, table).scan()
    assert remedy in told.value.next_step
    assert told.value.place == filled.table_uri(table)


def test_a_fact_without_its_file_is_moved_away_and_computed_again(filled: Lake):
    refresh_days(filled, PERSON_DAY, person_day)
    delete_a_file(filled, PERSON_DAY)
    with pytest.raises(LakeDamaged, match="move the table's folder away, then `emberline run`"):
        refresh_days(filled, PERSON_DAY, person_day)
    Path(filled.table_uri(PERSON_DAY)).rename(Path(filled.uri) / "moved away")
    assert refresh_days(filled, PERSON_DAY, person_day).rows == 1


def test_a_run_notices_a_file_of_raw_that_is_gone_before_it_reads_kafka(filled: Lake):
    delete_a_file(filled, RAW)
    nowhere = KafkaConnection("127.0.0.1:9")
    with pytest.raises(LakeDamaged, match="raw: 1 file is gone"):
        ingest_from_kafka(nowhere, filled, BY_TOPIC, BatchLimits(), RULES)
    assert opened(filled, EVENTS).scan().collect().height == 4


def test_files_of_raw_that_are_gone_for_good_can_be_passed_over(
    filled: Lake, connection: KafkaConnection, topic: Callable[..., str]
):
    delete_a_file(filled, RAW)
    carriers = {topic(): BY_TOPIC["chat"]} | BY_TOPIC
    now = records([None])["kafka_time"][0]
    ingest_from_kafka(connection, filled, carriers, TWO, RULES, accept_gaps_at=now)
    assert opened(filled, RAW).scan().collect().height == 2
    assert opened(filled, EVENTS).scan().collect().height == 4
    ingest_from_kafka(connection, filled, carriers, TWO, RULES)


@pytest.mark.parametrize("content", ["", "{", "garbage", "\0" * 200], ids=["empty", "cut off", "garbage", "zeros"])
def test_a_broken_newest_commit_is_named_and_not_called_whole(filled: Lake, content: str):
    commit = newest_commit(filled, EVENTS)
    commit.write_text(content)
    with pytest.raises(LakeDamaged, match="the newest commit of its log is empty or cut off") as told:
        opened(filled, EVENTS)
    assert told.value.place == str(commit)
    assert "emberline rebuild events" in told.value.next_step
    assert "<unknown>" not in str(told.value)


def test_a_broken_newest_commit_of_raw_is_read_from_kafka_again_once_it_is_moved_away(
    connection: KafkaConnection, lake: Lake, topic: Callable[..., str], send: Callable[..., None]
):
    name = topic()
    carriers = {name: BY_TOPIC["chat"]}
    send(name, *[encoded(message(id=f"e{number}")) for number in range(6)])
    ingest_from_kafka(connection, lake, carriers, TWO, RULES)
    commit = newest_commit(lake, RAW)
    commit.write_text("{")
    with pytest.raises(LakeDamaged, match="move it away"):
        ingest_from_kafka(connection, lake, carriers, TWO, RULES)
    commit.rename(commit.with_suffix(".broken"))
    send(name, encoded(message(id="e6")))
    ingest_from_kafka(connection, lake, carriers, TWO, RULES)
    assert sorted(opened(lake, RAW).scan().collect()["offset"]) == list(range(7))
    assert sorted(opened(lake, EVENTS).scan().collect()["event_id"]) == [f"e{number}" for number in range(7)]


def with_a_checkpoint(lake: Lake) -> Path:
    opened(lake, EVENTS).delta.create_checkpoint()
    return next(log_of(lake, EVENTS).glob("*.checkpoint.parquet"))


def test_a_pointer_to_a_checkpoint_that_is_gone_can_go_while_all_commits_are_there(filled: Lake):
    with_a_checkpoint(filled).unlink()
    pointer = log_of(filled, EVENTS) / "_last_checkpoint"
    with pytest.raises(LakeDamaged, match="Remove that file: all commits are there") as told:
        opened(filled, EVENTS)
    assert told.value.place == str(pointer)
    pointer.unlink()
    assert opened(filled, EVENTS).scan().collect().height == 4


def test_without_checkpoint_and_commits_the_table_is_to_be_made_again(filled: Lake):
    with_a_checkpoint(filled).unlink()
    (log_of(filled, EVENTS) / f"{0:020}.json").unlink()
    with pytest.raises(LakeDamaged, match="emberline rebuild events"):
        opened(filled, EVENTS)


def test_a_commit_that_is_missing_in_the_middle_is_named(filled: Lake):
    (log_of(filled, FEED) / f"{1:020}.json").unlink()
    filled.append(opened(filled, RAW), records([b"x"], offsets=[9]), {})
    commits = sorted(log_of(filled, RAW).glob("*.json"))
    commits[1].unlink()
    with pytest.raises(LakeDamaged, match="the commit of version 1 of its log is gone") as told:
        opened(filled, RAW)
    assert told.value.place == str(commits[1])


def test_what_nothing_else_tells_is_to_be_restored(filled: Lake):
    opened(filled, IDENTITY_RULING)
    newest_commit(filled, IDENTITY_RULING).write_text("{")
    with pytest.raises(LakeDamaged, match="Restore it from a backup"):
        opened(filled, IDENTITY_RULING)


def test_a_store_that_does_not_answer_is_no_damage():
    options = {"endpoint_url": "http://127.0.0.1:1", "allow_http": "true", "region": "x", "max_retries": "0"}
    lake = Lake("s3://bucket/lake", options | {"access_key_id": "a", "secret_access_key": "b"})
    with pytest.raises(LakeUnavailable, match="Nothing was written"):
        opened(lake, RAW)


def test_of_many_files_a_bounded_number_is_looked_for(tmp_path: Path):
    lake = Lake(str(tmp_path))
    for first in range(10):
        land(lake, records([b"x"], offsets=[first]))
    raw = opened(lake, RAW)
    for file in raw.delta.file_uris():
        Path(file).unlink()
    assert len(damage_of(raw.delta, most=7).lost) == 7
    assert len(damage_of(raw.delta, most=None).lost) == 10


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def emptied(_: bytes) -> bytes:
    return b""


def overwritten(content: bytes) -> bytes:
    return bytes(len(content))


def of_another_table(content: bytes) -> bytes:
    whole = io.BytesIO()
    pl.DataFrame({"a": range(len(content))}).write_parquet(whole)
    return whole.getvalue()


@pytest.mark.parametrize("spoil", [cut_off, emptied, overwritten, of_another_table])
@pytest.mark.parametrize(
    ("table", "remedy"),
    [(EVENTS, "emberline rebuild events"), (RAW, "Move it away, as if it were gone"), (FEED, "from a backup")],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_data_file_that_is_not_what_was_written_is_named_before_it_is_read(
    filled: Lake, table: LakeTable, remedy: str, spoil: Callable[[bytes], bytes]
):
    opened(filled, table).scan()
    file = Path(opened(filled, table).delta.file_uris()[0])
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(LakeDamaged, match=f"{table.name}: 1 file is not what was written: {file.name}") as told:
        opened(filled, table).scan()
    assert remedy in told.value.next_step
    assert told.value.place == filled.table_uri(table)


def spoiled_in_the_middle(content: bytes) -> bytes:
    """Overwrite a part of the pages; length, footer and the marks at both ends stay."""
    pages = len(content) - int.from_bytes(content[-8:-4], "little") - 8
    return content[:4] + bytes(byte ^ 0xFF for byte in content[4:pages]) + content[pages:]


def spoil_the_middle(file: Path) -> None:
    file.write_bytes(spoiled_in_the_middle(file.read_bytes()))


def test_what_polars_says_of_damage_in_the_middle_of_a_file_leads_to_the_doctor(filled: Lake):
    spoil_the_middle(Path(opened(filled, EVENTS).delta.file_uris()[0]))
    with pytest.raises(pl.exceptions.ComputeError) as told:
        opened(filled, EVENTS).scan().collect()
    damage = damage_by_message("ComputeError", str(told.value))
    assert damage is not None
    assert "emberline doctor --read" in damage.next_step


GONE = (
    "object-store error: Object at location lake/events/month=2025-03-01/part-00000-0c-c000.snappy.parquet not found: "
    "Error performing GET http://127.0.0.1/bucket/lake/events/month%3D2025-03-01/part-00000-0c-c000.snappy.parquet in "
    "3.8ms - Server returned non-2xx status code: 404 Not Found"
)
CUT_OFF = (
    "object-store error: Generic S3 error: Error performing GET "
    "http://127.0.0.1:5999/bucket/lake/raw/part-00000-de-c000.snappy.parquet in 3.0ms - Server returned non-2xx status "
    "code: 416 Range Not Satisfiable"
)
UNANSWERED = (
    "object-store error: Generic S3 error: Error performing GET "
    "http://127.0.0.1:5999/bucket/lake/raw/part-00000-de-c000.snappy.parquet in 3.0ms - error sending request"
)


@pytest.mark.parametrize(
    ("kind", "message", "found"),
    [
        ("FileNotFoundError", GONE, "events: 1 file is gone that its log names: part-00000-0c-c000.snappy.parquet"),
        ("OSError", CUT_OFF, "raw: 1 file is not what was written: part-00000-de-c000.snappy.parquet"),
        ("OSError", UNANSWERED, None),
        ("ComputeError", "cannot compare string with numeric type", None),
        ("FileNotFoundError", "No such file or directory: 'emberline.toml'", None),
    ],
)
def test_errors_of_a_reader_about_data_files_are_told_as_damage_and_no_others(
    kind: str, message: str, found: str | None
):
    damage = damage_by_message(kind, message)
    assert (damage is None) if found is None else (damage is not None and found in damage.cause)


@pytest.mark.parametrize("spoil", [cut_off, emptied, overwritten])
@pytest.mark.parametrize("table", [RAW, EVENTS], ids=lambda table: table.name)
def test_a_checkpoint_that_is_not_what_was_written_is_named_and_can_be_removed(
    filled: Lake, table: LakeTable, spoil: Callable[[bytes], bytes]
):
    rows = opened(filled, table).scan().collect().height
    opened(filled, table).delta.create_checkpoint()
    checkpoint = max(log_of(filled, table).glob("*.checkpoint.parquet"))
    checkpoint.write_bytes(spoil(checkpoint.read_bytes()))
    with pytest.raises(LakeDamaged, match=r"the checkpoint of version \d of its log is not what was written") as told:
        opened(filled, table)
    assert told.value.next_step.startswith("Remove that file and _last_checkpoint")
    assert told.value.place == str(checkpoint)
    checkpoint.unlink()
    (log_of(filled, table) / "_last_checkpoint").unlink()
    assert opened(filled, table).scan().collect().height == rows


def test_a_pointer_that_cannot_be_read_does_no_harm(filled: Lake):
    rows = opened(filled, EVENTS).scan().collect().height
    opened(filled, EVENTS).delta.create_checkpoint()
    (log_of(filled, EVENTS) / "_last_checkpoint").write_bytes(b"{nonsense")
    assert opened(filled, EVENTS).scan().collect().height == rows
