"""Arguments at the edge of what makes sense, and commands where there is nothing to do."""

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.cli.services import _condition_lines
from emberline.services import Services
from emberline.settings import Settings
from emberline.status import condition
from pipelines.ingest import tested_client


@pytest.mark.parametrize(
    "arguments",
    [
        ("alerts", "ack", "99999999999999999999"),
        ("alerts", "ack", "0"),
        ("alerts", "snooze", "1", "--for", "999999w"),
        ("alerts", "snooze", "1", "--for", "0h"),
        ("alerts", "snooze", "1", "--until", "2026-01-01"),
        ("alerts", "snooze", "1", "--until", "9999-12-31T23:59"),
        ("alerts", "ack", "1", "--note", "n" * 1001),
        ("alerts", "verdict", "1", "good"),
        ("demo", "--seed", "-1"),
        ("demo", "--end", "2999-01-01"),
        ("demo", "--end", "yesterday"),
        ("--state", "somewhere", "demo"),
    ],
)
def test_a_value_out_of_range_is_a_wrong_command_line(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBERLINE__STATE", "state")
    assert CliRunner().invoke(app, arguments).exit_code == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "code", "told"), [("n\n", ExitCode.OK, "Nothing was erased."), ("", ExitCode.USAGE, "--yes")]
)
def test_nobody_is_erased_without_a_yes(
    answer: str, code: ExitCode, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["erase", "shop:ann", "--reason", "asked for it"], input=answer)
    assert done.exit_code == code
    assert told in done.output


def test_control_c_at_a_question_ends_as_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emberline.cli.erase._is_wanted", interrupted)
    done = CliRunner().invoke(app, ["erase", "shop:ann", "--reason", "asked for it"])
    assert done.exit_code == ExitCode.INTERRUPTED


def test_a_shell_that_completion_does_not_know_is_a_wrong_command_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("nonsense", "/bin/nonsense"))
    assert CliRunner().invoke(app, ["--show-completion"]).exit_code == ExitCode.USAGE


def test_a_state_folder_where_none_can_be_made_is_an_error_with_a_next_step():
    done = CliRunner().invoke(app, ["--state", "/proc/none", "run"])
    assert done.exit_code == ExitCode.ENGINE
    assert "cannot be made" in done.stderr


def test_a_state_folder_that_is_a_link_to_itself_is_an_error_with_a_next_step(tmp_path: Path):
    (tmp_path / "loop").symlink_to("loop")
    done = CliRunner().invoke(app, ["--state", str(tmp_path / "loop"), "status"])
    assert done.exit_code == ExitCode.ENGINE
    assert "Next: choose" in done.stderr


@pytest.mark.parametrize("before", [None, "before"])
def test_a_state_folder_is_that_of_one_command_and_not_of_the_next(before: str | None, monkeypatch: pytest.MonkeyPatch):
    if before is not None:
        monkeypatch.setenv("EMBERLINE__STATE", before)
    CliRunner().invoke(app, ["--state", "/proc/none", "run"])
    assert os.environ.get("EMBERLINE__STATE") == before


def test_down_makes_no_folder_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path / "absent"))
    done = CliRunner().invoke(app, ["down"])
    assert done.exit_code == ExitCode.OK
    assert "Nothing to stop" in done.stdout
    assert not (tmp_path / "absent").exists()


def test_a_run_that_waits_to_start_is_shown_as_such(tmp_path: Path):
    how = condition(Services(Settings(state=tmp_path / "state")), dt.datetime.now(dt.UTC))
    run = {"started_at": None, "status": "starting", "seconds": None, "failed_checks": []}
    lines = [str(line) for line in _condition_lines({**how, "runs": [run]})]
    assert any("not started yet" in line for line in lines)


def test_before_the_first_complete_day_the_published_version_says_so(tmp_path: Path):
    how = condition(Services(Settings(state=tmp_path / "state")), dt.datetime.now(dt.UTC))
    published = {"version": 1, "age_seconds": 5.0, "complete_through": None, "is_synthetic": False}
    lines = [str(line) for line in _condition_lines({**how, "published": published})]
    assert any("no day is complete yet" in line for line in lines)


def test_a_kafka_client_that_was_not_tested_is_shown_as_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    services = Services(Settings(state=tmp_path / "state"))
    assert condition(services, dt.datetime.now(dt.UTC))["slow_reader"] is None
    monkeypatch.setattr(tested_client, "installed", "3.9.9")
    how = condition(services, dt.datetime.now(dt.UTC))
    assert how["slow_reader"] == "kafka-python 3.9.9 is not one of the tested versions 3.0.12"
    assert any("more slowly: kafka-python 3.9.9" in str(line) for line in _condition_lines(how))


def test_an_argument_that_is_not_utf_8_is_a_wrong_command_line(tmp_path: Path):
    command = (sys.executable.encode(), b"-m", b"emberline", b"alerts", b"ack", b"2", b"--actor=\xff")
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, check=False)
    assert done.returncode == ExitCode.USAGE
    assert b"is not UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("columns", ["1", "19", "20", "80"])
def test_an_error_is_legible_on_a_terminal_of_any_width(columns: str):
    # A console takes its width when it is made, so this needs a process; a command would import for seconds.
    told = "from emberline.cli.output import print_error; print_error('ForeignFolder', 'It cannot be made there.')"
    environment = {**os.environ, "COLUMNS": columns, "FORCE_COLOR": "1", "NO_COLOR": "1"}
    command = [sys.executable, "-c", told]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "made" in done.stderr
    assert ("╭" in done.stderr) == (int(columns) >= 20)


def test_what_is_longer_than_a_terminal_is_broken_into_lines_and_nothing_of_it_is_lost():
    path = "/a" * 50
    shown = (
        "import polars as pl; from emberline.cli.output import print_points, print_table;"
        f"print_table('t', pl.DataFrame({{'a': ['left'], 'b': ['{path}']}}), ('A', 'B'), sentences=('B',));"
        "print_points('Points:', ['word ' * 30])"
    )
    environment = {**os.environ, "COLUMNS": "40", "FORCE_COLOR": "1", "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", shown], env=environment, capture_output=True, text=True, check=True)
    plain = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    table, points = plain.split("Points:\n")
    assert path in "".join(table.split())
    first, *others = points.splitlines()
    assert first.startswith("- word")
    assert all(line.startswith("  word") for line in others)
    assert points.count("word") == 30
    assert max(map(len, plain.splitlines())) <= 40
