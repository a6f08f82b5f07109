"""Temporary files of a test run are kept in memory where it has room."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests import temporary
from tests.temporary import has_room, temporary_files_in_memory


def test_a_folder_has_the_room_that_is_free_in_it(tmp_path: Path):
    assert has_room(tmp_path, 1)
    assert not has_room(tmp_path, 2**62)
    assert not has_room(tmp_path / "not there", 0)


@pytest.mark.parametrize(("room", "is_there"), [(1, True), (2**62, False)])
def test_temporary_files_go_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: int, is_there: bool
):
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(temporary, "has_room", lambda folder: has_room(folder, room))
    temporary_files_in_memory(tmp_path)
    assert (tempfile.gettempdir() == str(tmp_path)) is is_there


def test_whoever_names_a_folder_has_them_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    temporary_files_in_memory()
    assert tempfile.gettempdir() == str(tmp_path)
