"""Damage to a lake in an object store is told with its place, as that to one in a folder is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.lake import Lake, LakeUnavailable
from pipelines.lake_damage import LakeDamaged
from pipelines.lake_search import damage_named
from pipelines.operations.examine_lake import examine_lake
from schemas.lake import EVENTS, RAW, LakeTable
from tests.object_store import Bucket
from tests.pipelines.canonical import encoded, land, message, records
from tests.pipelines.test_lake_damage import cut_off, emptied, four_events, overwritten, spoiled_in_the_middle

__all__ = ["four_events"]


@pytest.fixture
def lake(bucket: Bucket, four_events: Path) -> Lake:
    """A lake with four events in two batches."""
    lake = bucket.lake()
    bucket.upload(four_events, lake.uri)
    return lake


def newest_commit(bucket: Bucket, lake: Lake, table: LakeTable) -> str:
    return max(uri for uri in bucket.below(f"{lake.table_uri(table)}/_delta_log") if uri.endswith(".json"))


def broken(lake: Lake, *, is_read: bool = False) -> tuple[str, str]:
    [found] = [finding for finding in examine_lake(lake, is_read=is_read) if finding.health == "broken"]
    assert found.next_step
    return found.subject, found.found


@pytest.mark.parametrize("spoil", [emptied, cut_off, overwritten])
@pytest.mark.parametrize(
    ("table", "remedy"), [(EVENTS, "emberline rebuild events"), (RAW, "move it away: raw then")], ids=["events", "raw"]
)
def test_a_broken_newest_commit_is_named(
    bucket: Bucket, lake: Lake, table: LakeTable, remedy: str, spoil: Callable[[bytes], bytes]
):
    commit = newest_commit(bucket, lake, table)
    with bucket.spoiled(commit, spoil):
        with pytest.raises(LakeDamaged, match="the newest commit of its log is empty or cut off") as told:
            lake.open(table)
        assert told.value.place == commit
        assert remedy in told.value.next_step
        assert broken(lake)[0] == table.name
    assert lake.open(table).scan().collect().height == 4


def test_an_empty_commit_is_not_taken_for_a_version(bucket: Bucket, lake: Lake):
    commit = newest_commit(bucket, lake, RAW)
    number = int(commit[-25:-5]) + 1
    bucket.write(f"{commit[:-25]}{number:020}.json", b"")
    with pytest.raises(LakeDamaged, match="empty or cut off"):
        lake.open(RAW)


def test_a_broken_newest_commit_that_was_moved_away_is_written_again(bucket: Bucket, lake: Lake):
    commit = newest_commit(bucket, lake, RAW)
    bucket.write(commit, b"{")
    bucket.delete(commit)
    assert lake.open(RAW).scan().collect().height == 2
    land(lake, records([encoded(message(id="e2"))], offsets=[2]))
    assert lake.open(RAW).scan().collect().height == 3


@pytest.mark.parametrize("table", [RAW, EVENTS], ids=lambda table: table.name)
def test_the_doctor_names_data_files_that_are_gone_or_cut_off(bucket: Bucket, lake: Lake, table: LakeTable):
    file = lake.open(table).delta.file_uris()[0]
    name = file.rpartition("/")[2]
    with bucket.spoiled(file, cut_off):
        assert f"1 file is not what was written: {name}" in broken(lake)[1]
    bucket.delete(file)
    assert f"1 file is gone that its log names: {name}" in broken(lake)[1]


def deleted(bucket: Bucket, file: str) -> None:
    bucket.delete(file)


def cut_short(bucket: Bucket, file: str) -> None:
    bucket.write(file, cut_off(bucket.read(file)))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [(deleted, "1 file is gone that its log names"), (cut_short, "1 file is not what was written")],
)
def test_who_reads_a_data_file_that_is_gone_or_cut_off_is_told_its_table(
    bucket: Bucket, lake: Lake, spoil: Callable[[Bucket, str], None], what: str
):
    file = lake.open(EVENTS).delta.file_uris()[0]
    spoil(bucket, file)
    with pytest.raises(LakeDamaged) as told, damage_named(lake):
        lake.open(EVENTS).scan().collect()
    assert told.value.cause == f"Lake table events: {what}: {file.rpartition('/')[2]}."
    assert "emberline rebuild events" in told.value.next_step


def test_who_writes_where_a_data_file_is_cut_off_is_told_its_table(bucket: Bucket, lake: Lake):
    handle = lake.open(EVENTS)
    cut_short(bucket, handle.delta.file_uris()[0])
    with pytest.raises(LakeDamaged, match="events: 1 file is not what was written"), damage_named(lake):
        lake.update(handle, "event_id = 'e1'", {"event_id": "'e1'"}, {})


def test_who_reads_a_data_file_that_is_broken_in_its_middle_is_led_to_the_doctor(bucket: Bucket, lake: Lake):
    file = lake.open(EVENTS).delta.file_uris()[0]
    bucket.write(file, spoiled_in_the_middle(bucket.read(file)))
    with pytest.raises(LakeDamaged, match="emberline doctor --read"), damage_named(lake):
        lake.open(EVENTS).scan().collect()
    assert f"1 file is not what was written: {file.rpartition('/')[2]}" in broken(lake, is_read=True)[1]


def test_what_is_no_damage_is_not_told_as_such(lake: Lake):
    with pytest.raises(ZeroDivisionError), damage_named(lake):
        _ = 1 // 0


def test_a_store_that_stops_answering_is_no_damage(bucket: Bucket, lake: Lake):
    options = bucket.options | {"endpoint_url": "http://127.0.0.1:1", "max_retries": "0"}
    gone = Lake(lake.uri, options)
    with pytest.raises(LakeUnavailable, match="the store failed"):
        gone.open(RAW)
    assert {finding.health for finding in examine_lake(gone)} == {"broken"}
