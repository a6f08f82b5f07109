"""The receiver of webhooks as a daemon of this user, started by `up` where the settings have a route."""

import os
import sys
from collections.abc import Callable
from signal import SIGKILL, SIGTERM

import psutil

from emberline.embedded import daemon
from emberline.embedded.state import StateFolder

_ANSWERS_WITHIN_S = 60.0
_POLL_S = 0.1
_ENDS_WITHIN_S = 45.0
"""Longer than it takes itself to answer what is under way."""


class EmbeddedReceiver:
    """The receiver of a state folder; its log and process id lie there.

    Attributes:
        url: Where it listens when it runs.
    """

    def __init__(self, state: StateFolder, host: str, port: int) -> None:
        """Describe it; nothing is started."""
        self._state = state
        self._record, self._log = state.path / "receiver.pid", state.path / "receiver.log"
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self, on_progress: Callable[[str], None] = lambda _: None) -> str:
        """Start it where it does not run, with the settings and secrets of this process, and wait until it answers.

        Returns:
            Its URL.

        Raises:
            EngineDied: It ended, or did not answer in time; the error quotes its log.
        """
        with self._state.lock("receiver"):
            if self.process() is None:
                on_progress("starting the receiver of webhooks")
                daemon.launch(
                    [sys.executable, "-m", "emberline", "--state", str(self._state.path), "receive"],
                    log=self._log,
                    record=self._record,
                    env=os.environ,
                )
            daemon.wait_until(
                lambda: self.address() is not None,
                lambda: self.process() is not None,
                name="The receiver of webhooks",
                log=self._log,
                within_s=_ANSWERS_WITHIN_S,
                poll_s=_POLL_S,
            )
            return self.url

    def address(self) -> str | None:
        """Return its URL where it runs and answers, else None."""
        is_up = self.process() is not None and daemon.answers_at(f"{self.url}/healthz", 2)
        return self.url if is_up else None

    def process(self) -> psutil.Process | None:
        """Return its live process."""
        return daemon.recorded(self._record, str(self._state.path))

    def stop(self) -> None:
        """Stop it, after it has answered what is under way; no error when it is down."""
        with self._state.lock("receiver"):
            process = self.process()
            if process is not None:
                daemon.end(process, [(SIGTERM, _ENDS_WITHIN_S), (SIGKILL, 5.0)])
            self._record.unlink(missing_ok=True)
