"""The lake of a state folder lies in it, or elsewhere behind a link where Delta cannot write below its path."""

import shutil
import stat
from pathlib import Path

import pytest

from emberline.embedded import FolderGone, StateFolder
from emberline.lake_folder import lake_folder
from pipelines.lake import Lake
from pipelines.lake_place import unfit_in
from schemas.lake import FEED


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def odd(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "état 数据 [1] #%")


def test_a_lake_that_delta_can_write_lies_in_the_state_folder(tmp_path: Path, data: Path):
    state = StateFolder(tmp_path / "a b")
    assert lake_folder(state) == state.path / "lake"
    assert not data.exists()


def test_a_lake_that_delta_cannot_write_there_lies_elsewhere_for_its_owner_only(tmp_path: Path, data: Path):
    said: list[str] = []
    folder = lake_folder(odd(tmp_path), said.append)
    assert folder.parent == data / "emberline"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not unfit_in(folder)
    assert [str(folder) in line for line in said] == [True]
    assert Lake(str(folder)).open(FEED).scan().collect().is_empty()


def test_it_is_found_again_also_after_the_state_folder_was_renamed(tmp_path: Path):
    folder = lake_folder(odd(tmp_path))
    assert lake_folder(odd(tmp_path)) == folder
    odd(tmp_path).path.rename(tmp_path / "renamed")
    assert lake_folder(StateFolder(tmp_path / "renamed")) == folder


def test_it_is_removed_with_the_state_folder(tmp_path: Path):
    state = odd(tmp_path)
    folder = lake_folder(state)
    state.destroy()
    assert not folder.exists()


def test_one_that_is_gone_is_not_taken_for_an_empty_lake(tmp_path: Path):
    shutil.rmtree(lake_folder(odd(tmp_path)))
    with pytest.raises(FolderGone, match="remove the link"):
        lake_folder(odd(tmp_path))


def test_a_lake_whose_state_folder_was_renamed_to_what_delta_cannot_take_stays_where_it_is(tmp_path: Path):
    state = StateFolder(tmp_path / "a")
    lake_folder(state).mkdir()
    state.path.rename(tmp_path / "a [old]")
    moved = StateFolder(tmp_path / "a [old]")
    assert lake_folder(moved) == moved.path / "lake"
