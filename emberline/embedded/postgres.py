"""PostgreSQL as a daemon of this user, reached over TCP with a password."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT

import psutil
import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from emberline.embedded import daemon
from emberline.embedded.errors import EngineDied
from emberline.embedded.ports import LOOPBACK, launch_on_kept_ports
from emberline.embedded.postgres_config import initdb_options, postgresql_conf
from emberline.embedded.postgres_home import Home, link_in, prepare, wheel_programs
from emberline.embedded.postgres_roles import ADMIN, PIPELINE, Login, set_up
from emberline.embedded.postgres_upgrade import former_secret, move_dagster_storage, rename_superuser
from emberline.embedded.state import StateFolder, write_private
from emberline.embedded.system_user import as_account
from emberline.embedded.tenancy import tenancy

_READY_WITHIN_S = 60
_CONNECT_WITHIN_S = 3
_POLL_S = 0.05


class EmbeddedPostgres:
    """A server with cluster and logs in `<state>/postgres`.

    Started by root, it runs as another system user; see `postgres_home`.
    """

    def __init__(self, state: StateFolder, *, settings: Mapping[str, str] | None = None) -> None:
        """Configure the server; nothing is started.

        Args:
            state: The state folder.
            settings: Server settings that override those of `postgres_config`. They apply from the
                next start; a running server is not changed.
        """
        self._state = state
        self._settings = dict(settings or {})
        self._port = state.path / "postgres.port"
        self._setup_log = state.path / "postgres-setup.log"

    def start(self, on_progress: Callable[[str], None] = lambda _: None) -> str:
        """Start the server unless it runs, and wait until it accepts connections.

        Every start sets up the roles; see `postgres_roles`.

        Args:
            on_progress: Called with a line of text before each slow step.

        Returns:
            SQLAlchemy URL of the pipeline's database and role. The port stays the same over
            restarts unless another program takes it in between.

        Raises:
            EngineDied: The server ended, or did not answer in time.
            PathUnfit, FolderGone: The cluster's folder cannot be created; see `postgres_home`.
            FolderBusy: A server of another user or container uses the same files.
            NoSystemUser: Run as root, and there is no user to run the server as.
            PortTaken: Other programs took every port that was tried.
        """
        with self._state.lock("postgres"):
            if self._process() is None or not self._comes_to_answer():
                on_progress("starting PostgreSQL")
                home = prepare(self._state, on_progress)
                self._end_remains()
                launch_on_kept_ports([self._port], lambda port: self._launch(home, port))
                self._set_up()
            elif self.address() is None or former_secret(self._state).exists():  # started by version 0.1.0
                on_progress("setting up the roles of PostgreSQL")
                self._set_up()
            return self.url(PIPELINE)

    def address(self) -> str | None:
        """Return the pipeline's SQLAlchemy URL; None if it cannot connect."""
        if self._process() is None:
            return None
        try:
            self._connect(PIPELINE.role, self._state.secret(PIPELINE.secret), PIPELINE.database).close()
        except psycopg.OperationalError:
            return None
        return self.url(PIPELINE)

    def url(self, login: Login) -> str:
        """Return the SQLAlchemy URL of a role, with its password; the server must have been started once."""
        host = f"{LOOPBACK}:{self._port.read_text()}"
        return f"postgresql+psycopg://{login.role}:{self._state.secret(login.secret)}@{host}/{login.database}"

    @contextmanager
    def administration(self) -> Iterator[psycopg.Connection]:
        """Yield a connection of the administrator in autocommit mode; the server must run.

        Raises:
            EngineDied: The administrator could not connect, or PostgreSQL refused a statement.
        """
        try:
            with self._connect_admin(ADMIN.database) as server:
                yield server
        except psycopg.Error as error:
            raise self._failed(f"PostgreSQL runs but could not be set up: {error}") from error

    def stop(self) -> None:
        """Stop the server and end its connections; no error if it does not run."""
        with self._state.lock("postgres"):
            process = self._process()
            if process is not None:
                daemon.end(process, [(SIGINT, 30.0), (SIGQUIT, 10.0), (SIGKILL, 5.0)])
            self._end_remains()

    @property
    def _data(self) -> Path:
        return link_in(self._state).resolve() / "data"

    def _process(self) -> psutil.Process | None:
        return daemon.recorded(self._data / "postmaster.pid", str(self._data))

    def _end_remains(self) -> None:
        """End the children that outlive a killed server for a while and hold its memory."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name() == "postgres" and process.cwd() == str(self._data):
                    daemon.end(process, [(SIGKILL, 5.0)])

    def _initialise_once(self, home: Home) -> None:
        if self._data.exists():
            return
        draft = home.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        password = home.folder / "password"
        former_secret(self._state).unlink(missing_ok=True)  # of a set-up by version 0.1.0 that broke off
        write_private(password, self._state.secret(ADMIN.secret))
        _hand_over(password, home)
        options = initdb_options(ADMIN.role, str(password), self._settings)
        try:
            code = self._run(home, "initdb", f"--pgdata={draft}", *options)
        finally:
            password.unlink()
        if code != 0:
            raise EngineDied(
                f"making PostgreSQL's cluster ended with exit code {code}",
                place=self._setup_log,
                next_step="see the log above, then start again",
            )
        draft.rename(self._data)

    def _launch(self, home: Home, port: int) -> None:
        self._initialise_once(home)
        config = self._data / "postgresql.conf"
        write_private(config, postgresql_conf(port, self._settings))
        _hand_over(config, home)
        console = home.folder / "console.log"
        console.unlink(missing_ok=True)
        with tenancy(self._state, "postgres") as lock:
            # Left by a server that was killed; were its number another process's by now,
            # PostgreSQL would refuse to start. Nobody works on the data: the lock says so.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            code = self._run(
                home,
                "pg_ctl",
                "start",
                "--wait",
                f"--timeout={_READY_WITHIN_S}",
                f"--log={console}",
                f"--pgdata={self._data}",
                inherit=[lock],
            )
        if code != 0:
            runs = self._process() is not None
            raise self._failed(
                f"PostgreSQL runs but was not ready within {_READY_WITHIN_S} s"
                if runs
                else "PostgreSQL ended while it started"
            )

    def _run(self, home: Home, program: str, *arguments: str, inherit: Sequence[int] = ()) -> int:
        """Run one of PostgreSQL's programs as the server's user and return its exit code."""
        # Variables meant for clients (PGPORT, PGDATA, PGOPTIONS ...) would change the server too.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        # A file, not a pipe: the server inherits it and would keep a pipe open.
        with self._setup_log.open("w") as output:
            done = subprocess.run(
                [str(home.programs / program), *arguments],
                cwd=home.folder,
                env={**kept, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=inherit,
                check=False,
                **as_account(home.account),
            )
        return done.returncode

    def _comes_to_answer(self) -> bool:
        """Wait until the server accepts connections (True) or its process ends (False)."""
        place = make_conninfo(host=LOOPBACK, port=self._port.read_text(), connect_timeout=_CONNECT_WITHIN_S)
        deadline = time.monotonic() + _READY_WITHIN_S
        while self._process() is not None:
            if pq.PGconn.ping(place.encode()) == pq.Ping.OK:
                return True
            if time.monotonic() > deadline:
                raise self._failed(f"PostgreSQL runs but takes no connection within {_READY_WITHIN_S} s")
            time.sleep(_POLL_S)
        return False

    def _set_up(self) -> None:
        try:
            rename_superuser(self._state, self._connect)
            set_up(self._connect_admin, self._state.secret)
            move_dagster_storage(self._state, self._connect, wheel_programs(), int(self._port.read_text()))
            former_secret(self._state).unlink(missing_ok=True)
        except psycopg.Error as error:
            raise self._failed(f"PostgreSQL runs but could not be set up: {error}") from error

    def _connect_admin(self, database: str) -> psycopg.Connection:
        return self._connect(ADMIN.role, self._state.secret(ADMIN.secret), database)

    def _connect(self, role: str, password: str, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=LOOPBACK,
            port=int(self._port.read_text()),
            user=role,
            password=password,
            dbname=database,
            sslmode="disable",
            connect_timeout=_CONNECT_WITHIN_S,
            autocommit=True,
        )

    def _failed(self, cause: str) -> EngineDied:
        # The console has errors from before the server opened its own log.
        folder = link_in(self._state).resolve()
        logs = [folder / "console.log", *(folder / "log").glob("*.log")]
        return EngineDied(
            cause,
            place=max(filter(Path.exists, logs), key=lambda log: log.stat().st_mtime_ns, default=self._setup_log),
            next_step="see the log above; stop the services, then start again",
        )


def _hand_over(file: Path, home: Home) -> None:
    if home.account is not None:
        os.chown(file, home.account.uid, home.account.gid, follow_symlinks=False)
