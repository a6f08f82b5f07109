"""Errors of the project keep what they say on the way from one process to another."""

from __future__ import annotations

import pickle
from pathlib import Path

from emberline.embedded.errors import EngineError
from schemas.errors import EmberlineError


def test_an_error_that_takes_other_arguments_than_its_message_can_be_pickled(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_text("the last line\n")
    errors = [
        EmberlineError("It is broken.", "Mend it.", "here"),
        EngineError("It did not start.", place=log, next_step="Start it again."),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))
