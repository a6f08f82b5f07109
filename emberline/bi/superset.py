"""Superset as a background process of this user, on loopback, with the dashboards of this release."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Final

import psutil

from emberline.bi import environment
from emberline.embedded import daemon
from emberline.embedded.errors import EngineDied
from emberline.embedded.ports import LOOPBACK, launch_on_kept_ports
from emberline.embedded.state import StateFolder, write_private

USER: Final = "emberline"
_PASSWORD: Final = "superset"  # noqa: S105 - the name of the secret
_KEY: Final = "superset-key"
_HERE: Final = Path(__file__).parent
_ANSWERS_WITHIN_S: Final = 300.0
_POLL_S: Final = 0.5


class EmbeddedSuperset:
    """The Superset of a state folder; its database, log and process id are in the folder `superset` in it."""

    def __init__(self, state: StateFolder) -> None:
        """Configure it; nothing is started."""
        self._state = state
        self._home = state.path / "superset"
        self._record, self._log = self._home / "superset.pid", self._home / "superset.log"
        self._port = self._home / "web.port"
        self._made_by, self._imported = self._home / "made-by", self._home / "imported"

    @property
    def password(self) -> str:
        """The password of `USER`."""
        return self._state.secret(_PASSWORD)

    def start(self, warehouse: str, on_progress: Callable[[str], None] = lambda _: None) -> str:
        """Install and start it if needed, import the dashboards if they changed, and return its URL.

        Args:
            warehouse: SQLAlchemy URL of the warehouse with a read-only login.
            on_progress: Receives a line for people before each step that takes time.

        Raises:
            DownloadFailed: It could not be installed.
            EngineDied: It ended, or did not answer in time; the error quotes its log.
            PortTaken: Every port that was chosen was taken by another process before Superset could bind it.
            BundleRefused: It rejected the dashboards.
        """
        with self._state.lock("superset"):
            self._home.mkdir(mode=0o700, exist_ok=True)
            programs = environment.environment(on_progress)
            self._set_up(programs, on_progress)
            if self.address() is None:
                on_progress("starting Superset")
                self._end()
                launch_on_kept_ports([self._port], lambda port: self._launch(programs, port))
            self._import(warehouse, on_progress)
            return f"http://{LOOPBACK}:{self._port.read_text()}"

    def address(self) -> str | None:
        """Return its URL if it runs and answers, else None."""
        if self.process() is None:
            return None
        url = f"http://{LOOPBACK}:{self._port.read_text()}"
        return url if daemon.answers_at(f"{url}/health", 10) else None

    def process(self) -> psutil.Process | None:
        """Return its live process."""
        return daemon.recorded(self._record, str(self._home))

    def stop(self) -> None:
        """Stop it; do nothing if it is down."""
        with self._state.lock("superset"):
            self._end()
            self._record.unlink(missing_ok=True)

    def _end(self) -> None:
        process = self.process()
        if process is not None:
            daemon.end(process, [(SIGTERM, 15.0), (SIGKILL, 5.0)])

    def _set_up(self, programs: Path, on_progress: Callable[[str], None]) -> None:
        """Create or migrate Superset's own database, once for each release and password."""
        made_by = hashlib.sha256(f"{programs} {self.password}".encode()).hexdigest()
        if self._made_by.exists() and self._made_by.read_text() == made_by:
            return
        self._end()
        on_progress("setting up Superset: a minute or two, once")
        with self._log.open("w") as log:
            done = subprocess.run(
                [str(programs / "python"), "-P", str(_HERE / "superset_setup.py")],  # -P: `superset` is not our module
                env=self._environment() | {"SUPERSET_PASSWORD": self.password},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise EngineDied(
                "Superset could not be set up", place=self._log, next_step="see the log, then run it again"
            )
        write_private(self._made_by, made_by)

    def _launch(self, programs: Path, port: int) -> None:
        daemon.launch(
            [
                str(programs / "gunicorn"),
                "--bind",
                f"{LOOPBACK}:{port}",
                "--chdir",
                str(self._home),
                "--workers",
                "1",
                "--worker-class",
                "gthread",
                "--threads",
                "8",
                "--timeout",
                "120",
                "--no-control-socket",
                "superset.app:create_app()",
            ],
            log=self._log,
            record=self._record,
            env=self._environment(),
        )
        daemon.wait_until(
            lambda: self.address() is not None,
            lambda: self.process() is not None,
            name="Superset",
            log=self._log,
            within_s=_ANSWERS_WITHIN_S,
            poll_s=_POLL_S,
        )

    def _import(self, warehouse: str, on_progress: Callable[[str], None]) -> None:
        import sqlalchemy as sa

        from emberline.bi.bundle import bundle
        from emberline.bi.superset_api import SupersetApi

        url = sa.make_url(warehouse)
        packed = bundle(url)
        digest = hashlib.sha256(packed + (url.password or "").encode()).hexdigest()
        if self._imported.exists() and self._imported.read_text() == digest:
            return
        on_progress("importing the dashboards")
        with SupersetApi(f"http://{LOOPBACK}:{self._port.read_text()}", USER, self.password) as api:
            api.import_bundle(packed, url.password)
        write_private(self._imported, digest)

    def _environment(self) -> dict[str, str]:
        """The environment of Superset: that of this process, without variables of emberline, libpq and Python."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EMBERLINE", "PG", "PYTHON"))}
        return kept | {
            "SUPERSET_CONFIG_PATH": str(_HERE / "superset_config.py"),
            "SUPERSET_HOME": str(self._home),
            "SUPERSET_SECRET_KEY": self._state.secret(_KEY),
        }
