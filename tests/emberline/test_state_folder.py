"""The state folder takes only what is its own, and keeps its secrets to its owner."""

import os
import stat
from pathlib import Path

import pytest

from emberline.embedded import ForeignFolder, StateFolder
from emberline.embedded.state import MARKER, write_whole


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_readable_by_its_owner_only(tmp_path: Path):
    assert mode(StateFolder(tmp_path / "a" / "state").path) == 0o700


def test_an_empty_folder_open_to_all_is_closed_when_taken_over(tmp_path: Path):
    tmp_path.chmod(0o755)
    assert mode(StateFolder(tmp_path).path) == 0o700


def test_a_folder_of_ours_is_opened_again(tmp_path: Path):
    first = StateFolder(tmp_path / "state")
    (first.path / "kafka").mkdir()
    assert StateFolder(tmp_path / "state").path == first.path


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ForeignFolder, match=r"holds 1 entries.*\n.*\nNext: choose an empty"):
        StateFolder(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_refused(tmp_path: Path):
    file = tmp_path / "state"
    file.touch()
    with pytest.raises(ForeignFolder, match="is not a folder"):
        StateFolder(file)


def test_destroying_removes_the_folder(tmp_path: Path):
    state = StateFolder(tmp_path / "state")
    state.secret("postgres")
    state.destroy()
    assert not state.path.exists()


def test_a_folder_that_lost_its_marker_is_not_removed(tmp_path: Path):
    state = StateFolder(tmp_path / "state")
    (state.path / MARKER).unlink()
    with pytest.raises(ForeignFolder, match="not removed"):
        state.destroy()
    assert state.path.exists()


def test_destroying_follows_no_link_to_a_foreign_folder(tmp_path: Path):
    state, foreign = StateFolder(tmp_path / "state"), tmp_path / "foreign"
    foreign.mkdir()
    (state.path / "postgres").symlink_to(foreign)
    state.destroy()
    assert foreign.exists()


def test_a_secret_stays_the_same(tmp_path: Path):
    secret = StateFolder(tmp_path / "state").secret("postgres")
    assert StateFolder(tmp_path / "state").secret("postgres") == secret


def test_secrets_differ_by_name_and_folder(tmp_path: Path):
    one, other = StateFolder(tmp_path / "one"), StateFolder(tmp_path / "other")
    assert len({one.secret("a"), one.secret("b"), other.secret("a")}) == 3


def test_a_secret_is_readable_by_its_owner_only(tmp_path: Path):
    state = StateFolder(tmp_path / "state")
    state.secret("postgres")
    assert mode(state.path / "secrets" / "postgres") == 0o600


@pytest.mark.parametrize("name", ["", "../kafka", "a/b", ".hidden", "Upper"])
def test_a_secret_cannot_be_named_out_of_its_folder(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="no name for a secret"):
        StateFolder(tmp_path / "state").secret(name)


@pytest.mark.parametrize("looks_only", [True, False])
def test_a_folder_below_a_file_is_refused(tmp_path: Path, looks_only: bool):
    (tmp_path / "file").touch()
    with pytest.raises(ForeignFolder, match="is not a folder"):
        StateFolder(tmp_path / "file" / "below", looks_only=looks_only)


def test_a_pipe_that_is_written_to_stays_one(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "a report")
    assert os.read(reader, 100) == b"a report"
    os.close(reader)
    assert pipe.is_fifo()
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]
