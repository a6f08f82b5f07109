"""Within one reading of a lake each table is opened once, and stays as it was."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Handle, Lake
from pipelines.lake_place import StoredTable
from pipelines.lake_reading import LakeReading
from pipelines.refresh import request_rebuild
from schemas.lake import PERSON_DAY, REBUILD
from tests.pipelines.canonical import NOON


def ask(lake: Lake) -> None:
    request_rebuild(lake, PERSON_DAY.name, since=None, actor="ann", reason="mended", now=NOON)


def requests(handle: Handle) -> int:
    return handle.scan().select(pl.len()).collect().item()


def test_a_table_stays_as_it_was_when_it_was_first_opened_and_the_next_reading_has_what_came_since(tmp_path: Path):
    lake = Lake(str(tmp_path))
    ask(lake)
    reading = LakeReading.of(lake)
    assert requests(reading.open(REBUILD)) == 1
    ask(lake)
    assert requests(reading.open(REBUILD)) == requests(LakeReading.of(reading).open(REBUILD)) == 1
    assert requests(LakeReading.of(lake).open(REBUILD)) == 2


def test_a_position_is_asked_of_delta_once_and_known_after_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake, asked = Lake(str(tmp_path)), list[tuple[int, str]]()
    handle, ask_delta = lake.open(REBUILD), StoredTable.transaction_version

    def counted(delta: StoredTable, app_id: str) -> int | None:
        asked.append((delta.version(), app_id))
        return ask_delta(delta, app_id)

    monkeypatch.setattr(StoredTable, "transaction_version", counted)
    assert [handle.content, handle.content] == [0, 0]
    lake.append(handle, pl.DataFrame(schema=REBUILD.schema), {})
    assert [handle.content, handle.content] == [1, 1]
    assert asked == [(0, "content")]
