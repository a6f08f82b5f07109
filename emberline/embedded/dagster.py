"""Dagster's code server, daemon and web server, as daemons of this user.

The web server listens on loopback behind `emberline.web_guard`, the code server on a socket in the state folder.
"""

import os
import socket
import sys
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from signal import SIGKILL, SIGTERM
from urllib.error import HTTPError, URLError

import psutil
import yaml

from emberline.embedded import daemon
from emberline.embedded.dagster_home import SOCKET, dagster_home, home_of
from emberline.embedded.ports import LOOPBACK, launch_on_kept_ports
from emberline.embedded.state import StateFolder, write_private

_READY_WITHIN_S = 120.0
_POLL_S = 0.2
_DEFINITIONS = "emberline.definitions"
_PARTS = ("code_server", "daemon", "web_server")
"""In the order of starting: the others load the definitions from the code server."""
_WORKER = "emberline.worker"
_WEB_SERVER = "emberline.web_server"

WEB_SECRET = "web"  # noqa: S105 - the name of the secret
"""Name of the secret that is the token of the page."""


class EmbeddedDagster:
    """The three processes of Dagster in a state folder; their logs, ports and socket are in Dagster's home.

    One code server serves the definitions to both others and starts the runs. By default each would start its own, and
    the daemon a new one every minute, which on two cores is a considerable part of the cost of a run.
    """

    def __init__(self, state: StateFolder) -> None:
        """Configure the processes; nothing is started."""
        self._state = state
        self._locate()

    def start(self, environment: Mapping[str, str], on_progress: Callable[[str], None] = lambda _: None) -> str:
        """Start processes that do not run, and wait until code server and web server are ready.

        Args:
            environment: Environment variables with Dagster's instance.
            on_progress: Called with a line of text before each slow step.

        Returns:
            URL of the web server.

        Raises:
            EngineDied: One of them ended, or did not answer in time.
            PathTooLong, PathUnfit, FolderGone: Dagster's home cannot be created; see `dagster_home`.
            PortTaken: Other programs took every port that was tried.
        """
        with self._state.lock("dagster"):
            dagster_home(self._state, on_progress)
            self._locate()
            self._write_workspace()
            whole = {**os.environ, **environment}
            if self.process("code_server") is None:
                on_progress("starting Dagster's code server")
                self._launch_code(whole)
            if self.process("daemon") is None:
                on_progress("starting Dagster's daemon")
                self._launch("daemon", "dagster-daemon", "run", "-w", str(self._workspace), environment=whole)
            if self.address() is None:
                on_progress("starting Dagster's web server")
                self._end("web_server")
                launch_on_kept_ports([self._port], lambda port: self._launch_web(port, whole))
            return f"http://{LOOPBACK}:{self._port.read_text()}"

    def address(self) -> str | None:
        """Return the web server's URL; None if it does not answer."""
        process = self.process("web_server")
        if process is None or _WEB_SERVER not in process.cmdline():  # that of version 0.1.0 has no guard
            return None
        url = f"http://{LOOPBACK}:{self._port.read_text()}"
        return url if _answers(url) else None

    def link(self) -> str | None:
        """Return the URL with the token of the page; None if the web server does not answer."""
        url = self.address()
        return url and f"{url}/?token={self._state.secret(WEB_SECRET)}"

    def process(self, name: str) -> psutil.Process | None:
        """Return a process by name: `code_server`, `daemon` or `web_server`; None if it does not run."""
        return daemon.recorded(self._record(name), str(self._socket if name == "code_server" else self._workspace))

    def running(self) -> dict[str, bool]:
        """Return whether each of `code_server`, `daemon` and `web_server` runs."""
        return {name: self.process(name) is not None for name in _PARTS}

    def stop(self) -> None:
        """Stop all three and the runs they started; no error if they do not run."""
        with self._state.lock("dagster"):
            for name in reversed(_PARTS):
                self._end(name)
            for worker in daemon.strays(_WORKER, str(self._folder)):  # also of a daemon that died before
                daemon.end(worker, [(SIGTERM, 5.0), (SIGKILL, 5.0)])
            self._socket.unlink(missing_ok=True)

    def _locate(self) -> None:
        self._folder = home_of(self._state)
        self._workspace = self._folder / "workspace.yaml"
        self._port = self._folder / "web.port"
        self._socket = self._folder / SOCKET

    def _end(self, name: str) -> None:
        process = self.process(name)
        if process is not None:
            daemon.end(process, [(SIGTERM, 20.0), (SIGKILL, 5.0)])
        self._record(name).unlink(missing_ok=True)

    def _write_workspace(self) -> None:
        server = {"socket": str(self._socket), "location_name": _DEFINITIONS}
        write_private(self._workspace, yaml.safe_dump({"load_from": [{"grpc_server": server}]}))

    def _launch_code(self, environment: Mapping[str, str]) -> None:
        self._socket.unlink(missing_ok=True)
        where = ["--socket", str(self._socket), "--module-name", _DEFINITIONS, "--location-name", _DEFINITIONS]
        self._launch("code_server", "dagster", "api", "grpc", *where, environment=environment)
        self._wait("code_server", lambda: _takes_connections(self._socket))

    def _launch_web(self, port: int, environment: Mapping[str, str]) -> None:
        where = [str(self._workspace), str(port)]
        self._launch("web_server", Path(sys.executable).name, "-m", _WEB_SERVER, *where, environment=environment)
        self._wait("web_server", lambda: _answers(f"http://{LOOPBACK}:{port}"))

    def _wait(self, name: str, answers: Callable[[], bool]) -> None:
        daemon.wait_until(
            answers,
            lambda: self.process(name) is not None,
            name=f"Dagster's {name.replace('_', ' ')}",
            log=self._log(name),
            within_s=_READY_WITHIN_S,
            poll_s=_POLL_S,
        )

    def _launch(self, name: str, program: str, *arguments: str, environment: Mapping[str, str]) -> None:
        daemon.launch(
            [str(Path(sys.executable).with_name(program)), *arguments],
            log=self._log(name),
            record=self._record(name),
            env=environment,
        )

    def _record(self, name: str) -> Path:
        return self._folder / f"{name}.pid"

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _answers(url: str) -> bool:
    """Whether the page or its guard answers; sends no token, since another program may have the port."""
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:  # noqa: S310 - loopback
            return answer.status == HTTPStatus.OK
    except HTTPError as refusal:
        return refusal.code == HTTPStatus.UNAUTHORIZED
    except (URLError, OSError):
        return False


def _takes_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
