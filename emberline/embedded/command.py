"""A command of emberline that goes on until it is stopped, as a daemon of this user."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from signal import SIGKILL, SIGTERM

import psutil

from emberline.embedded import daemon
from emberline.embedded.state import StateFolder

_UP_WITHIN_S = 60.0
_POLL_S = 0.1
_ENDS_WITHIN_S = 45.0
"""Longer than a command takes itself to end what is under way."""


class EmbeddedCommand(ABC):
    """A command of a state folder; its log and process id lie there."""

    def __init__(self, state: StateFolder, name: str, title: str, *command: str) -> None:
        """Describe it; nothing is started.

        Args:
            state: the folder.
            name: of its log and record.
            title: what people call it.
            command: of emberline.
        """
        self._state, self._name, self._title, self._command = state, name, title, command
        self._record, self._log = state.path / f"{name}.pid", state.path / f"{name}.log"

    @abstractmethod
    def is_up(self) -> bool:
        """Tell whether it runs and is ready."""

    def start(self, on_progress: Callable[[str], None] = lambda _: None) -> None:
        """Start it where it does not run, with the settings and secrets of this process, and wait until it is up.

        Raises:
            EngineDied: It ended, or was not up in time; the error quotes its log.
        """
        with self._state.lock(self._name):
            if self.process() is None:
                on_progress(f"starting {self._title}")
                daemon.launch(
                    [sys.executable, "-m", "emberline", "--state", str(self._state.path), *self._command],
                    log=self._log,
                    record=self._record,
                    env=os.environ,
                )
            daemon.wait_until(
                self.is_up,
                lambda: self.process() is not None,
                name=self._title[0].upper() + self._title[1:],
                log=self._log,
                within_s=_UP_WITHIN_S,
                poll_s=_POLL_S,
            )

    def process(self) -> psutil.Process | None:
        """Return its live process."""
        return daemon.recorded(self._record, str(self._state.path))

    def stop(self) -> None:
        """Stop it, after it has ended what is under way; no error when it is down."""
        with self._state.lock(self._name):
            process = self.process()
            if process is not None:
                daemon.end(process, [(SIGTERM, _ENDS_WITHIN_S), (SIGKILL, 5.0)])
            self._record.unlink(missing_ok=True)
