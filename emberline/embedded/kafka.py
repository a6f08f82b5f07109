"""Apache Kafka in KRaft mode, one node, as a daemon of this user."""

import base64
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM

import psutil

from emberline.embedded import daemon
from emberline.embedded.errors import EngineDied, refuse_characters, unfit_characters
from emberline.embedded.jars import kafka_jars
from emberline.embedded.kafka_classes import class_options, keep_classes
from emberline.embedded.kafka_config import (
    LOG4J2_PROPERTIES,
    SCRATCH,
    java_command,
    java_program,
    server_properties,
)
from emberline.embedded.kafka_login import PROTOCOLS, client_options, login_properties, store_client_login
from emberline.embedded.kafka_probe import answers
from emberline.embedded.outside import located, placed
from emberline.embedded.ports import LOOPBACK, launch_on_kept_ports
from emberline.embedded.state import StateFolder, write_private
from emberline.embedded.tenancy import tenancy

_READY_WITHIN_S = 90.0
_POLL_S = 0.05
_FORMAT_WITHIN_S = 60.0


_NAME = "kafka"
_BROKER = "kafka.Kafka"
_UNFIT = ","
"""A path with a comma is not supported: Kafka reads its data folders as a comma-separated list."""


class EmbeddedKafka:
    """A broker with data, ports and logs in `<state>/kafka`, or where a link there leads to."""

    def __init__(
        self,
        state: StateFolder,
        *,
        heap_mb: int = 512,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Configure the broker; nothing is started.

        Args:
            state: The state folder.
            heap_mb: Largest Java heap, in MiB.
            properties: Broker properties that override those of `kafka_config`. The client listener
                is named CLIENT. They apply from the next start; a running broker is not changed.
                With a `listener.security.protocol.map` they define authentication; without one,
                clients need the password in the state folder.
        """
        self._state = state
        self._heap_mb = heap_mb
        self._properties = dict(properties or {})
        self._locate()
        self._has_own_login = PROTOCOLS not in self._properties

    @property
    def client_options(self) -> dict[str, object]:
        """Login arguments for kafka-python's clients; empty if `properties` define authentication."""
        return client_options(self._state) if self._has_own_login else {}

    def start(self, on_progress: Callable[[str], None] = lambda _: None) -> str:
        """Start the broker unless it runs, and wait until it is ready.

        Args:
            on_progress: Called with a line of text before each slow step.

        Returns:
            Bootstrap servers, "127.0.0.1:PORT"; the port stays the same over restarts unless
            another program takes it in between.

        Raises:
            DownloadFailed: The jars could not be downloaded.
            EngineDied: The broker ended, or did not answer in time.
            PathUnfit, FolderGone: Its folder cannot be created; see `placed`.
            FolderBusy: A broker of another user or container uses the same files.
            PortTaken: Other programs took every port that was tried.
        """
        with self._state.lock("kafka"):
            self._make_folder(on_progress)
            if self._process() is None or self._lets_everybody_in() or not self._comes_to_answer():
                jars = kafka_jars(on_progress)
                on_progress("starting Apache Kafka")
                self._end_strays()
                launch_on_kept_ports(
                    [self._client_port, self._folder / "controller.port"],
                    lambda *ports: self._launch(jars, *ports),
                )
                keep_classes(jars, self._folder, self._java(jars, _BROKER), on_progress)
            if self._has_own_login and not self._login_stored.exists():  # else the command before ended too soon
                self._store_login(int(self._client_port.read_text()))
            return f"{LOOPBACK}:{self._client_port.read_text()}"

    def address(self) -> str | None:
        """Return the bootstrap servers; None if the broker does not answer."""
        if self._process() is None:
            return None
        port = int(self._client_port.read_text())
        return f"{LOOPBACK}:{port}" if self._answers(port) else None

    def stop(self) -> None:
        """Stop the broker, by force after a timeout; no error if it does not run."""
        with self._state.lock("kafka"):
            self._end_strays()
            self._record.unlink(missing_ok=True)

    def _locate(self) -> None:
        self._folder = located(self._state, _NAME)
        self._config = self._folder / "server.properties"
        self._record = self._folder / "kafka.pid"
        self._client_port = self._folder / "client.port"
        self._login_stored = self._folder / "login.stored"

    def _make_folder(self, on_progress: Callable[[str], None]) -> None:
        folder = placed(
            self._state, _NAME, is_unfit=lambda place: unfit_characters(place, _UNFIT), on_progress=on_progress
        )
        refuse_characters("Kafka", folder, _UNFIT)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._locate()

    def _process(self) -> psutil.Process | None:
        return daemon.recorded(self._record, str(self._config))

    def _end_strays(self) -> None:
        # Looked up by command line, so that a broker whose pid file got lost is ended too.
        for process in daemon.strays(java_program(), str(self._config)):
            daemon.end(process, [(SIGTERM, 30.0), (SIGKILL, 5.0)])

    def _launch(self, jars: list[Path], client_port: int, controller_port: int) -> None:
        data, scratch = self._folder / "data", self._folder / SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)  # native libraries a killed broker left behind
        scratch.mkdir(mode=0o700)
        write_private(self._folder / "log4j2.properties", LOG4J2_PROPERTIES)
        properties = {**(login_properties(self._state) if self._has_own_login else {}), **self._properties}
        write_private(self._config, server_properties(data, client_port, controller_port, properties))
        self._login_stored.unlink(missing_ok=True)
        with tenancy(self._state, "kafka") as lock:
            self._format_once(jars, data)
            daemon.launch(
                self._java(jars, _BROKER, str(self._config), options=class_options(jars, self._folder)),
                log=self._folder / "console.log",
                record=self._record,
                env=_environment(),
                inherit=lock,
            )
        if not self._comes_to_answer():
            raise self._died("Kafka ended while it started")

    def _lets_everybody_in(self) -> bool:
        """Whether a broker started by version 0.1.0 still runs, which has to be restarted with logins."""
        return self._has_own_login and "SASL" not in self._config.read_text()

    def _store_login(self, port: int) -> None:
        from kafka.errors import KafkaError

        process = self._process()
        if process is None or not _listens(process, port):  # a stranger that took the port must not get a password
            raise self._died(f"Kafka does not listen on port {port}")
        try:
            store_client_login(self._state, port)
            self._login_stored.touch()
        except KafkaError as error:
            raise self._died(f"Kafka runs and does not store the login of its clients: {error}") from error

    def _format_once(self, jars: list[Path], data: Path) -> None:
        stamp = self._folder / "cluster.id"
        if stamp.exists():
            return
        shutil.rmtree(data, ignore_errors=True)  # a format that broke off
        cluster = _new_cluster_id()
        arguments = ("format", "--cluster-id", cluster, "--config", str(self._config))
        options = class_options(jars, self._folder)
        command = self._java(jars, "kafka.tools.StorageTool", *arguments, options=options)
        log = self._folder / "format.log"
        with log.open("w") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
                timeout=_FORMAT_WITHIN_S,
                check=False,
            )
        if done.returncode != 0:
            raise EngineDied(
                f"formatting Kafka's storage ended with exit code {done.returncode}",
                place=log,
                next_step="see the log; properties given by hand are the first suspects",
            )
        write_private(stamp, cluster)

    def _answers(self, port: int) -> bool:
        protocols = self._properties.get("listener.security.protocol.map", "")
        return answers(port, is_tls="CLIENT:SSL" in protocols or "CLIENT:SASL_SSL" in protocols)

    def _comes_to_answer(self) -> bool:
        """Wait until the broker answers (True) or its process ends (False)."""
        port = int(self._client_port.read_text())
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._answers(port):
            if self._process() is None:
                return False
            if time.monotonic() > deadline:
                raise self._died(f"Kafka runs but did not answer within {_READY_WITHIN_S:.0f} s")
            time.sleep(_POLL_S)
        return True

    def _died(self, cause: str) -> EngineDied:
        # Errors of the Java machine itself (no memory, wrong option) are on the console.
        console = self._folder / "console.log"
        said = console.is_file() and console.stat().st_size > 0
        return EngineDied(
            cause,
            place=console if said else self._folder / "server.log",
            next_step="see the log above; stop the services, then start again",
        )

    def _java(self, jars: list[Path], main_class: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
        program, *rest = java_command(jars, self._folder, self._heap_mb, main_class, *arguments)
        return [program, *options, *rest]


def _listens(process: psutil.Process, port: int) -> bool:
    sockets = process.net_connections("inet")
    return any(place.status == psutil.CONN_LISTEN and place.laddr.port == port for place in sockets)


def _new_cluster_id() -> str:
    # Kafka writes a UUID in URL-safe base64; one that begins with a dash would read as an option.
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]).startswith("-"):
        pass
    return text


def _environment() -> dict[str, str]:
    # Options meant for other Java programs could contradict ours or write to the console.
    meant_for_java = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")
    kept = {name: value for name, value in os.environ.items() if name not in meant_for_java}
    # In the locale C, Java opens no file whose path is not ASCII.
    return {**kept, "LC_ALL": "C.UTF-8"}
