"""Dagster's web server and daemon, as daemons of this user on loopback."""

import os
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGKILL, SIGTERM
from urllib.error import URLError

import psutil

from emberline.embedded import daemon
from emberline.embedded.errors import EngineDied
from emberline.embedded.ports import LOOPBACK, launch_on_kept_ports
from emberline.embedded.state import StateFolder, write_private

_READY_WITHIN_S = 120.0
_POLL_S = 0.2
_WORKSPACE = "load_from:\n  - python_module: emberline.definitions\n"


class EmbeddedDagster:
    """The web server and the daemon of a state folder; their logs and ports live in `<state>/dagster`."""

    def __init__(self, state: StateFolder) -> None:
        """Describe them; nothing is started."""
        self._state = state
        self._folder = state.path / "dagster"
        self._workspace = self._folder / "workspace.yaml"
        self._port = self._folder / "web.port"

    def start(self, environment: Mapping[str, str], on_progress: Callable[[str], None] = lambda _: None) -> str:
        """Start both unless they run, and wait until the web server answers.

        Args:
            environment: Variables that point Dagster at its instance.
            on_progress: Receives a line for people before each step that takes time.

        Returns:
            URL of the web server.

        Raises:
            EngineDied: The web server ended, or did not answer in time.
            PortTaken: Every port chosen was taken before the web server had it.
        """
        with self._state.lock("dagster"):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_private(self._workspace, _WORKSPACE)
            whole = {**os.environ, **environment}
            if self._process("daemon") is None:
                on_progress("starting Dagster's daemon")
                self._launch("daemon", ["dagster-daemon", "run"], whole)
            if self.address() is None:
                on_progress("starting Dagster's web server")
                launch_on_kept_ports([self._port], lambda port: self._launch_web(port, whole))
            return f"http://{LOOPBACK}:{self._port.read_text()}"

    def address(self) -> str | None:
        """Return the web server's URL when it runs and answers, else None."""
        if self._process("web") is None:
            return None
        url = f"http://{LOOPBACK}:{self._port.read_text()}"
        return url if _answers(url) else None

    def stop(self) -> None:
        """Stop both and the code servers they started; no error when they are down."""
        with self._state.lock("dagster"):
            for name in ("web", "daemon"):
                process = self._process(name)
                if process is not None:
                    children = process.children(recursive=True)
                    daemon.end(process, [(SIGTERM, 20.0), (SIGKILL, 5.0)])
                    for child in children:
                        daemon.end(child, [(SIGTERM, 5.0), (SIGKILL, 5.0)])
                self._record(name).unlink(missing_ok=True)

    def _launch_web(self, port: int, environment: Mapping[str, str]) -> None:
        self._launch("web", ["dagster-webserver", "-h", LOOPBACK, "-p", str(port)], environment)
        deadline = time.monotonic() + _READY_WITHIN_S
        while not _answers(f"http://{LOOPBACK}:{port}"):
            if self._process("web") is None or time.monotonic() > deadline:
                raise EngineDied(
                    "Dagster's web server did not come up",
                    place=self._log("web"),
                    next_step="see the log, then start again",
                )
            time.sleep(_POLL_S)

    def _launch(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        program = Path(sys.executable).with_name(command[0])
        daemon.launch(
            [str(program), *command[1:], "-w", str(self._workspace)],
            log=self._log(name),
            record=self._record(name),
            env=environment,
        )

    def _process(self, name: str) -> psutil.Process | None:
        return daemon.recorded(self._record(name), str(self._workspace))

    def _record(self, name: str) -> Path:
        return self._folder / f"{name}.pid"

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:  # noqa: S310 - loopback
            return answer.status == 200
    except (URLError, OSError):
        return False
