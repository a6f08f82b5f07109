"""A pull that goes on until it is stopped, and what a defect in it does."""

import json
from pathlib import Path
from typing import Any

import pytest

from emberline.embedded import StateFolder
from emberline.json_log import Log
from emberline.pull_watch import _watch


class Defective:
    """A pull that fails as no pull should, then ends as if it was stopped."""

    def __init__(self) -> None:
        self.n_watched = 0

    def watch(self, *_: Any) -> None:
        self.n_watched += 1
        if self.n_watched == 1:
            raise ZeroDivisionError

    def stops_within(self, seconds: float) -> bool:
        return seconds == 0


def test_a_defect_of_a_pull_is_logged_with_its_trace_and_the_pull_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    pull: Any = Defective()
    state = StateFolder(tmp_path / "state").path
    _watch(pull, Log(), "phone", state)
    assert pull.n_watched == 2
    [line] = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert (line["event"], line["pull"]) == ("defect", "phone")
    assert line["detail"].startswith("ZeroDivisionError; the trace is in ")
    assert "ZeroDivisionError" in (state / "errors.log").read_text()
