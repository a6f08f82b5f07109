"""`carrier check`: a carrier that is not there, one that breaks its cases, and files that hold none."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode

CASES = "- {name: a heartbeat, payload: {type: heartbeat}, events: [{type: message.sent}]}\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path / "state"))
    return tmp_path


def test_a_carrier_that_is_not_there_is_said_before_its_cases_are_looked_for():
    done = CliRunner().invoke(app, ["carrier", "check", ""])
    assert done.exit_code == ExitCode.USAGE
    assert "there is no ''" in done.stderr


def test_a_carrier_that_breaks_a_case_is_no_defect_of_emberline(place: Path):
    (place / "cases.yaml").write_text(CASES)
    done = CliRunner().invoke(app, ["carrier", "check", "zulip", "--cases", "cases.yaml"])
    assert done.exit_code == ExitCode.BLOCKED
    assert "a heartbeat" in done.stderr
    assert "Next: " in done.stderr


def test_a_file_that_holds_no_cases_is_named(place: Path):
    (place / "cases.yaml").write_text("specversion: '1.0'\n")
    done = CliRunner().invoke(app, ["carrier", "check", "zulip", "--cases", "cases.yaml"])
    assert done.exit_code == ExitCode.FAILED
    assert "cases.yaml" in done.stderr


def test_the_list_says_what_each_knows_of_members():
    listed = CliRunner().invoke(app, ["carriers"]).stdout.splitlines()
    said = {line.split()[0]: line for line in listed if line}
    assert "joins, hardly any leaves" in said["wechat_padpro"]
    assert "no joins or leaves" in said["youzan"]
