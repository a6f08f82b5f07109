"""The pipeline as `emberline up` starts it, its processes, and the supervisor that a deployment would have."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import dagster as dg
import psutil

from emberline.embedded import EmbeddedKafka, EmbeddedPostgres, EngineError, StateFolder
from emberline.embedded.dagster import EmbeddedDagster
from emberline.instance import dagster_environment, dagster_instance
from emberline.launcher import process_of
from emberline.services import Services
from emberline.settings import LakeSettings, Settings
from pipelines.ingest.connection import KafkaConnection
from pipelines.lake import Lake
from pipelines.publish.warehouse import Warehouse
from tests.faults.small_disk import NotMounted, SmallDisk

DISK_KILOBYTES: Final = 4 * 1024 * 1024
"""Memory is taken by what is on it, not by its size."""

_SUPERVISED_EVERY_S: Final = 1.0


class Stack:
    """A pipeline in a folder of its own that is gone afterwards."""

    def __init__(self) -> None:
        """Describe it and mount its disk, where this user may; nothing is started."""
        # Not under a folder of root's: PostgreSQL has a user of its own.
        folder = Path(tempfile.mkdtemp(prefix="emberline-chaos-"))
        self.disk = _disk(folder.with_name(f"{folder.name}-disk"))
        lake = str((self.disk.folder if self.disk else folder) / "lake")
        self.services = Services(Settings(state=folder, lake=LakeSettings(uri=lake)))
        self.state: StateFolder = self.services.state
        self.lake: Lake = self.services.lake()
        self.broker = EmbeddedKafka(self.state)
        self.database = EmbeddedPostgres(self.state)
        self.dagster = EmbeddedDagster(self.state)
        self.restarts = 0
        self._environment: dict[str, str] = {}
        self._say: Callable[[str], None] = print
        self._over = threading.Event()
        self._open = ExitStack()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    @property
    def topics(self) -> list[str]:
        """The topics the pipeline reads."""
        return self.services.settings.kafka.own_topics

    def start(self, say: Callable[[str], None]) -> None:
        """Start everything, and the supervisor."""
        self.services.on_progress = self._say = say
        self.kafka: KafkaConnection = self.services.kafka()
        self.kafka.create_topics(self.topics, self.services.settings.kafka.partitions)
        self.warehouse: Warehouse = self.services.warehouse()
        self.warehouse.prepare()
        self._environment = {**dagster_environment(self.services), "EMBERLINE__LAKE__URI": self.lake.uri}
        self.instance: dg.DagsterInstance = self._open.enter_context(dagster_instance(self.services))
        self.dagster.start(self._environment, say)
        self._supervisor.start()

    def stop(self) -> None:
        """End every process and remove every file, whatever state they are in."""
        self._over.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        self._open.close()
        for process in self._of_dagster():
            process.resume()
        self.dagster.stop()
        self.services.stop()
        self.state.destroy()
        if self.disk is not None:
            self.disk.remove()
            self.disk.folder.rmdir()

    def runs(self) -> list[psutil.Process]:
        """The processes that carry out a run now, also of a daemon that is gone; not those that wait for one."""
        started = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        return [process for run in started if (process := process_of(run)) is not None]

    def broker_process(self) -> psutil.Process:
        """The broker."""
        return psutil.Process(int((self.state.path / "kafka" / "kafka.pid").read_text()))

    def postmaster(self) -> psutil.Process:
        """PostgreSQL's first process."""
        [record] = (self.state.path / "postgres").resolve().glob("data/postmaster.pid")
        return psutil.Process(int(record.read_text().split(maxsplit=1)[0]))

    def _of_dagster(self) -> list[psutil.Process]:
        """Processes with this instance's home in their environment."""
        home, found = self._environment.get("DAGSTER_HOME"), []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("DAGSTER_HOME") == home:
                    found.append(process)
        return found

    def _supervise(self) -> None:
        """Start again what died of Dagster, as systemd or Kubernetes would: by the command that started it first."""
        while not self._over.wait(_SUPERVISED_EVERY_S):
            try:
                if not all(self.dagster.running().values()):
                    self.dagster.start(self._environment)
                    self.restarts += 1
            except (EngineError, OSError, psutil.Error) as error:
                self._say(f"The supervisor could not start Dagster: {error}")

    def last_words(self, lines: int = 40) -> str:
        """The end of the daemon's log."""
        log = self.state.path / "dagster" / "daemon.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _disk(folder: Path) -> SmallDisk | None:
    folder.mkdir()
    try:
        return SmallDisk(folder, DISK_KILOBYTES)
    except NotMounted:
        folder.rmdir()
        return None
