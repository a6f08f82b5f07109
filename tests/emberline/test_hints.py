"""A command that is shown as a hint works when it is pasted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emberline.cli.hints import command


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in a folder that is on no path, below the working folder."""
    program = tmp_path / "my venv" / "bin" / "emberline"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    return program


def test_a_program_that_is_not_on_the_path_is_named_by_its_place(program: Path):
    assert command("run") == "'my venv/bin/emberline' run"


def test_from_another_folder_its_place_is_whole(program: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "argv", [str(program)])
    place = str(program).lstrip("/")
    assert command("run") == f"'{place}' run"


def test_a_program_on_the_path_is_named_alone(program: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(program.parent))
    assert command("run") == "emberline run"


def test_another_program_of_that_name_on_the_path_is_not_meant(program: Path, monkeypatch: pytest.MonkeyPatch):
    other = program.parents[2] / "other" / "emberline"
    other.parent.mkdir()
    other.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    assert command("run") == "'my venv/bin/emberline' run"


def test_a_module_is_run_by_the_same_python(program: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/emberline/__main__.py"])
    assert command("run") == f"{sys.executable} -m emberline run"


def test_what_a_shell_would_read_is_quoted(program: Path):
    shown = command("sql", "-c", r"\dt", state=Path("état [1] #%"))
    assert shown == r"'my venv/bin/emberline' --state 'état [1] #%' sql -c '\dt'"
