"""A long-running command of emberline, as a daemon of this user."""

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
"""Seconds to wait for a graceful end; longer than a command takes to finish its work."""


class EmbeddedCommand(ABC):
    """A command that runs in the background; its log and its process id are files in the state folder."""

    def __init__(self, state: StateFolder, name: str, title: str, *command: str) -> None:
        """Configure the command; nothing is started.

        Args:
            state: the state folder.
            name: name of its log and pid file.
            title: its display name.
            command: arguments of emberline.
        """
        self._state, self._name, self._title, self._command = state, name, title, command
        self._record, self._log = state.path / f"{name}.pid", state.path / f"{name}.log"

    @abstractmethod
    def is_up(self) -> bool:
        """Whether it runs and is ready."""

    def start(self, on_progress: Callable[[str], None] = lambda _: None) -> None:
        """Start it if it does not run, with the settings and secrets of this process, and wait until it is ready.

        Raises:
            EngineDied: It ended, or was not ready in time; the error quotes its log.
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
        """Return its process; None if it does not run."""
        return daemon.recorded(self._record, str(self._state.path))

    def stop(self) -> None:
        """Stop it gracefully; no error if it does not run."""
        with self._state.lock(self._name):
            process = self.process()
            if process is not None:
                daemon.end(process, [(SIGTERM, _ENDS_WITHIN_S), (SIGKILL, 5.0)])
            self._record.unlink(missing_ok=True)
