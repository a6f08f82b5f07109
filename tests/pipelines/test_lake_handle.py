"""A table is loaded again only where it moved on; and nobody sees a write through a handle that is another's."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Handle, Lake, LakeConflict
from pipelines.lake_handle import CONTENT
from pipelines.lake_maintenance import maintain
from pipelines.operations.maintenance import MaintenancePolicy
from schemas.lake import IDENTITY


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Give a lake with one row, whose table is loaded."""
    lake = Lake(str(tmp_path / "lake"))
    write(lake.open(IDENTITY), lake, "ann")
    return lake


def write(handle: Handle, lake: Lake, name: str) -> None:
    lake.append(handle, pl.DataFrame([(name, name, 1)], schema=IDENTITY.schema, orient="row"), {})


def names(handle: Handle) -> list[str]:
    return handle.scan().collect()["account_id"].sort().to_list()


def test_a_table_that_nobody_wrote_is_loaded_once(lake: Lake):
    assert lake.open(IDENTITY).delta is lake.open(IDENTITY).delta


def test_a_commit_from_elsewhere_is_seen(lake: Lake):
    write(Lake(lake.uri).open(IDENTITY), lake, "bob")
    assert names(lake.open(IDENTITY)) == ["ann", "bob"]


def test_what_a_reader_has_stays_as_it_was_when_another_handle_writes(lake: Lake):
    reader, writer = lake.open(IDENTITY), lake.open(IDENTITY)
    rows = reader.scan()
    write(writer, lake, "bob")
    assert (rows.collect().height, reader.content, names(reader)) == (1, 1, ["ann"])
    assert (writer.content, names(writer)) == (2, ["ann", "bob"])


def test_what_a_reader_has_stays_as_it_was_when_the_table_is_tidied(lake: Lake):
    write(lake.open(IDENTITY), lake, "bob")
    reader = lake.open(IDENTITY)
    files = reader.files_id
    assert maintain(lake, IDENTITY, MaintenancePolicy(small_files=1)).compacted == 2
    assert reader.files_id == files
    assert lake.open(IDENTITY).files_id != files


def test_a_writer_that_another_one_overtook_is_refused(lake: Lake):
    slow, fast = lake.open(IDENTITY), lake.open(IDENTITY)
    write(fast, lake, "bob")
    with pytest.raises(LakeConflict):
        write(slow, lake, "cid")
    assert names(lake.open(IDENTITY)) == ["ann", "bob"]


def test_a_writer_goes_on_through_the_handle_it_wrote_with(lake: Lake):
    handle = lake.open(IDENTITY)
    for name in ("bob", "cid"):
        write(handle, lake, name)
        assert lake.open(IDENTITY).content == handle.content


def test_the_positions_after_a_write_are_those_that_another_reader_finds(lake: Lake):
    def send(handle: Handle, positions: dict[str, int]) -> None:
        lake.append(handle, pl.DataFrame(schema=IDENTITY.schema), positions)

    apps = ("one", "two", "three", CONTENT)
    send(lake.open(IDENTITY), {"one": 1, "two": 2})
    handle = lake.open(IDENTITY)
    assert [handle.position(app) for app in apps] == [1, 2, None, 2]
    send(handle, {"two": 7, "three": 9})
    for reader in (handle, lake.open(IDENTITY), Lake(lake.uri).open(IDENTITY)):
        assert [reader.position(app) for app in apps] == [1, 7, 9, 3]


def test_a_restored_backup_with_the_same_version_is_loaded_anew(lake: Lake, tmp_path: Path):
    backup = shutil.copytree(lake.uri, tmp_path / "backup")
    write(lake.open(IDENTITY), lake, "bob")
    shutil.rmtree(lake.uri)
    shutil.copytree(backup, lake.uri)
    write(Lake(lake.uri).open(IDENTITY), lake, "cid")
    assert names(lake.open(IDENTITY)) == ["ann", "cid"]
