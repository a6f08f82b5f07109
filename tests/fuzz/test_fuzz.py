"""A small part of `make fuzz`, and that it sees what it looks for."""

import subprocess
import sys

import pytest

from tests.fuzz import arguments, cases, configuration, world
from tests.fuzz.running import Ended
from tests.fuzz.verdict import findings

_CASES, _SEED = 60, 7


def test_command_lines_at_random_end_as_documented_without_engines():
    # In a process of its own: it forks, and this one may have threads.
    command = [sys.executable, "-m", "tests.fuzz", "--down", "--cases", str(_CASES), "--seed", str(_SEED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_is_the_same_whenever_it_is_drawn():
    assert cases.draw(_SEED, 5, None) == cases.draw(_SEED, 5, None)
    assert cases.draw(_SEED, 5, None) != cases.draw(_SEED, 6, None)


def test_commands_of_groups_and_settings_of_sections_are_found():
    assert {("run",), ("alerts", "snooze")} <= {command.words for command in arguments.commands()}
    assert {("state",), ("rules", "zone")} <= {setting.place for setting in configuration.settings()}


@pytest.mark.parametrize(
    ("code", "output", "errors", "finding"),
    [
        (0, "", "Traceback (most recent call last):", "traceback"),
        (7, "", "x", "exit code 7 is not documented"),
        (1, "", "Defect: x", "a defect"),
        (2, "", "", "without a word"),
        (3, "", "Wrong settings", "without a next step"),
        (6, "", f"no answer from user:{world.SECRET}@host", "password"),
        (0, "a \x1b[2J b", "", "control character"),
        (-11, "", "x", "exit code -11"),
        (None, "", "", "did not end"),
    ],
)
def test_what_is_not_as_documented_is_found(code: int | None, output: str, errors: str, finding: str):
    case = cases.Case(0, ("status",), ("status",), {}, None, "none", is_up=False, encoding="utf-8")
    assert finding in "; ".join(findings(Ended(case, code, output, errors, "", 0.1)))
    assert findings(Ended(case, 0, "fine", "", "", 0.1)) == []
