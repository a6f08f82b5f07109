"""A process that ingests one topic into a lake and stops at a place where a fault is to hit it.

Run as `python -m tests.faults.worker KAFKA TOPIC LAKE PLACE`. Having come to the place it prints one line and waits
for a line on its standard input; a test kills or stops it there. When its ingest is done it prints the rows it added.
With a group and the seconds of its session behind the place it is a worker of that group, until it is terminated.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipelines.ingest.connection import GroupTimes, KafkaConnection
from pipelines.ingest.group import ingest_as_worker
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Handle, Lake
from schemas.lake import RAW

BEFORE = "before the commit"
AFTER = "after the commit"
COMMITS_FIRST = 1
"""Commits that the worker makes undisturbed."""


@dataclass
class Place:
    """Where to stop, and how many commits come first."""

    name: str
    commits_first: int = COMMITS_FIRST

    def reached(self, name: str) -> None:
        if name == self.name and self.commits_first <= 0:
            print(name, flush=True)
            sys.stdin.readline()
        elif name == AFTER:
            self.commits_first -= 1


@dataclass(frozen=True)
class Stopping(Lake):
    """A lake whose writer stops before or after a commit to `raw`; before one, with the data file already written."""

    place: Place = field(default_factory=lambda: Place(""))

    def append(self, handle: Handle, rows: pl.DataFrame, positions: Mapping[str, int], **options: bool) -> None:
        if handle.table is not RAW:
            super().append(handle, rows, positions, **options)
            return
        if self.place.name == BEFORE and self.place.commits_first <= 0:
            # What a writer leaves that dies between its data file and its entry in the log.
            rows.write_parquet(Path(self.table_uri(handle.table)) / f"part-00000-{uuid.uuid4()}.parquet")
        self.place.reached(BEFORE)
        super().append(handle, rows, positions, **options)
        self.place.reached(AFTER)


def main() -> None:
    kafka, topic, uri, place, *group = sys.argv[1:]
    connection, lake = KafkaConnection(kafka), Stopping(uri, place=Place(place))
    limits = BatchLimits(rows=3, seconds=300 if not group else 0.5, stall_seconds=300)
    if group:
        name, session_s = group
        stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
        times = GroupTimes(session_s=float(session_s))
        report = ingest_as_worker(connection, lake, [topic], limits, name, stopping.is_set, times=times)
    else:
        report = ingest_raw(connection, lake, [topic], limits)
    print(report.rows, flush=True)


@contextmanager
def worker_stopped(kafka: str, topic: str, lake: Lake, place: str, *group: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that has come to its place, killed at the end if it still lives."""
    command = [sys.executable, "-m", "tests.faults.worker", kafka, topic, lake.uri, place, *group]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{place}\n"
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    main()
