"""Start runs in reusable worker processes that have imported everything: `run_launcher` in `dagster.yaml`.

Dagster's own launcher starts a process per run. Its imports take longer than most runs of a live pipeline compute, and
delay events twice: an event waits for the run before it and for its own.
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
"""Tag of a run: run id (since a retry inherits tags), process id, and worker token in the process's command line."""

_WINDS_UP_WITHIN_S: Final = 5.0
"""Seconds a worker may need after the end of its run, for a last event, connections and garbage collection."""


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    word: str
    runs: Connection[str, None]
    run_id: str | None = None

    def is_free(self, *, is_winding_up: bool) -> bool:
        """Return whether it can take a run; with `is_winding_up`, wait for its last run, and kill it if that hangs.

        Raises:
            EOFError: The worker has ended or is about to.
        """
        if self.run_id is not None and self.runs.poll(_WINDS_UP_WITHIN_S if is_winding_up else 0):
            self.runs.recv()
            self.run_id = None
        if self.run_id is not None and is_winding_up:
            self.process.kill()
        return self.run_id is None


class WarmRunLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """Hands each run to a free worker, or starts one; a worker executes one run at a time.

    Workers belong to the launching process, Dagster's daemon; without it they finish their run and end. For other
    reasons to end see `emberline.worker`.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Start nothing, since every process that opens the instance creates a launcher."""
        super().__init__()
        self._inst_data = inst_data
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """The configuration in `dagster.yaml`."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the schema of the configuration, which is empty."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> Self:  # noqa: ARG003
        """Create the launcher, for Dagster."""
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Hand the run to a worker; it waits there if the worker is still importing.

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
        """Hand a run over; False if the worker is busy or ends. The run is tagged before it begins."""
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
        """Interrupt a run, from any process; False if it has ended or its process no longer exists."""
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
        """True: a run that has begun and whose process no longer exists fails at the next check of run monitoring."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the run's process exists; unknown for runs that were started in another way."""
        if PROCESS_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "not started by this launcher")
        if process_of(run) is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the run's process is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def process_of(run: dg.DagsterRun) -> psutil.Process | None:
    """Return the process that a run was handed to, also if it executes another run now; None if it has ended."""
    run_id, pid, word = json.loads(run.tags.get(PROCESS_TAG, "[null, 0, null]"))
    if run_id != run.run_id:
        return None
    try:
        process = psutil.Process(pid)
        return process if word in process.cmdline() else None
    except psutil.NoSuchProcess:  # a zombie too
        return None
