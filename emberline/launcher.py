"""Starts runs in processes that have imported everything before: `run_launcher` in `dagster.yaml`.

Dagster's own launcher starts a process a run. That imports for longer than most runs of a live pipeline compute, and
the time counts from event to mart, twice: an event waits for the run before it and for its own.
"""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Self

import dagster as dg
import psutil

from emberline.dagster_internals import (
    CheckRunHealthResult,
    ConfigurableClass,
    ConfigurableClassData,
    DagsterLaunchFailedError,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
    run_request,
)

PROCESS_TAG: Final = "dagster/emberline_process"
"""Tag of a run: its own id, since a retry inherits tags, the id of its process, and a word in its command line."""

_WINDS_UP_WITHIN_S: Final = 5.0
"""A process is not free at once when its run has ended: a last event, connections, what Python collects."""


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    word: str
    runs: Connection[str, None]
    run_id: str | None = None

    def is_free(self, *, is_winding_up: bool) -> bool:
        """Does it wait for a run; EOFError where it is ending. One whose run is over and that hangs is killed."""
        if self.run_id is not None and self.runs.poll(_WINDS_UP_WITHIN_S if is_winding_up else 0):
            self.runs.recv()
            self.run_id = None
        if self.run_id is not None and is_winding_up:
            self.process.kill()
        return self.run_id is None


class WarmRunLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """Hands each run to a worker that is free, or starts one; a worker carries out one run at a time.

    Workers belong to the process that launches, Dagster's daemon. Without it they finish their run and end. When they
    end besides, see `emberline.worker`.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Start nothing: every process that opens the instance makes a launcher."""
        super().__init__()
        self._inst_data = inst_data
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What `dagster.yaml` says."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """There is nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> Self:  # noqa: ARG003
        """Build it for Dagster."""
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Hand the run over; it waits in the worker where that one is still importing.

        Raises:
            DagsterLaunchFailedError: The worker started for it ended at once.
        """
        run_id, request = context.dagster_run.run_id, run_request(context, self._instance)
        with self._lock:
            self._workers = [worker for worker in self._workers if worker.process.poll() is None]
            if any(self._is_handed_over(run_id, request, worker) for worker in self._workers):
                return
            self._workers.append(new := self._started())
            if not self._is_handed_over(run_id, request, new):
                raise DagsterLaunchFailedError(f"Process {new.process.pid} ended before it took run {run_id}.")

    def _is_handed_over(self, run_id: str, request: str, worker: _Worker) -> bool:
        """False where the worker is busy or ends. A run that has begun is tagged, whatever happens to the launcher."""
        with suppress(OSError, EOFError):
            if worker.is_free(is_winding_up=self._is_over(worker.run_id)):
                tag = json.dumps([run_id, worker.process.pid, worker.word])
                self._instance.add_run_tags(run_id, {PROCESS_TAG: tag})
                worker.runs.send(request)
                worker.run_id = run_id
                return True
        return False

    def _is_over(self, run_id: str | None) -> bool:
        run = None if run_id is None else self._instance.get_run_by_id(run_id)
        return run is None or run.is_finished

    def _started(self) -> _Worker:
        here, there = socket.socketpair()
        fd, word = there.fileno(), secrets.token_hex(8)
        command = [sys.executable, "-m", "emberline.worker", str(fd), self._instance.root_directory, word]
        with there:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[fd])
        return _Worker(process, word, Connection(here.detach()))

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run, from whichever process is asked to; False where it has ended or its process is gone."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        process = process_of(run)
        # The process may carry out another run by now.
        if process is None or self._is_over(run_id):
            return False
        process.send_signal(signal.SIGTERM)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does: a run that has begun and whose process is gone fails at the next look of run monitoring."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives; of runs that were started in another way nothing is known."""
        if PROCESS_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "not started by this launcher")
        if process_of(run) is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the run's process is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def process_of(run: dg.DagsterRun) -> psutil.Process | None:
    """Return the live process that a run was handed to, also after it has gone on to another run."""
    run_id, pid, word = json.loads(run.tags.get(PROCESS_TAG, "[null, 0, null]"))
    if run_id != run.run_id:
        return None
    try:
        process = psutil.Process(pid)
        return process if word in process.cmdline() else None
    except psutil.NoSuchProcess:  # a zombie too
        return None
