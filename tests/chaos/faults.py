"""What breaks: each fault hits whatever runs at that moment, and is over when it returns."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from signal import SIGKILL, SIGQUIT
from typing import Final

import psutil

from tests.chaos.stack import DISK_KILOBYTES, Stack

_PAUSE_S: Final = (5.0, 20.0)
_DOWN_S: Final = (1.0, 10.0)
_FULL_S: Final = 20.0
_RUN_WITHIN_S: Final = 30.0
_GONE_WITHIN_S: Final = 20.0


@dataclass(frozen=True)
class Incident:
    """One fault: what was hit, from when to when it was broken; nothing was hit where `detail` is None."""

    fault: str
    detail: str | None
    began: dt.datetime
    over: dt.datetime


Fault = Callable[[Stack, random.Random], str | None]
"""Breaks something and lets it be whole again; says what it hit, or None where there was nothing to hit."""


def run_killed(stack: Stack, chance: random.Random) -> str | None:
    """A run dies wherever it happens to be."""
    _wait(chance, (0.0, 3.0))
    run = _a_run(stack)
    return None if run is None else _kill(run)


def run_paused(stack: Stack, chance: random.Random) -> str | None:
    """A run stands still, and wakes up late."""
    run = _a_run(stack)
    return None if run is None else _pause(run, chance)


def daemon_killed(stack: Stack, chance: random.Random) -> str | None:
    """Dagster's daemon dies; its supervisor starts it again."""
    process = stack.dagster.process("daemon")
    return None if process is None else _kill(process)


def code_server_killed(stack: Stack, chance: random.Random) -> str | None:
    """The process that holds the definitions dies; the run in flight is left alone."""
    process = stack.dagster.process("code_server")
    return None if process is None else _kill(process)


def broker_paused(stack: Stack, chance: random.Random) -> str | None:
    """Kafka takes connections and does not answer."""
    return _pause(stack.broker_process(), chance)


def broker_killed(stack: Stack, chance: random.Random) -> str | None:
    """Kafka dies and is started again a while later."""
    _kill(stack.broker_process())
    found = f"down for {_wait(chance, _DOWN_S):.0f} s"
    stack.broker.start()
    return found


def broker_restarted(stack: Stack, chance: random.Random) -> str | None:
    """Kafka is stopped in order and started again."""
    stack.broker.stop()
    found = f"down for {_wait(chance, _DOWN_S):.0f} s"
    stack.broker.start()
    return found


def database_crashed(stack: Stack, chance: random.Random) -> str | None:
    """PostgreSQL stops at once, with every connection, and recovers from its log a while later."""
    postmaster = stack.postmaster()
    postmaster.send_signal(SIGQUIT)
    psutil.wait_procs([postmaster], timeout=_GONE_WITHIN_S)
    found = f"down for {_wait(chance, _DOWN_S):.0f} s"
    stack.database.start()
    return found


def disk_full(stack: Stack, chance: random.Random) -> str | None:
    """Nothing fits on the lake's disk any more."""
    if stack.disk is None:
        return None
    stack.disk.fill()
    try:
        time.sleep(_FULL_S)
    finally:
        stack.disk.resize(DISK_KILOBYTES)
    return f"for {_FULL_S:.0f} s"


FAULTS: Final[dict[str, Fault]] = {
    "run killed": run_killed,
    "run paused": run_paused,
    "daemon killed": daemon_killed,
    "code server killed": code_server_killed,
    "broker paused": broker_paused,
    "broker killed": broker_killed,
    "broker restarted": broker_restarted,
    "database crashed": database_crashed,
    "disk full": disk_full,
}


def in_random_order(names: list[str], chance: random.Random) -> Iterator[str]:
    """The names without end: each once in random order, then each once more, so that no kind is left out for long."""
    while True:
        yield from chance.sample(names, len(names))


def inject(name: str, stack: Stack, chance: random.Random) -> Incident:
    """Let a fault happen, from its beginning to its end."""
    began = dt.datetime.now(dt.UTC)
    detail = FAULTS[name](stack, chance)
    return Incident(name, detail, began, dt.datetime.now(dt.UTC))


def _a_run(stack: Stack) -> psutil.Process | None:
    """A run's process, waited for as long as there is none."""
    deadline = time.monotonic() + _RUN_WITHIN_S
    while not (found := stack.runs()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found[0] if found else None


def _kill(process: psutil.Process) -> str | None:
    try:
        process.send_signal(SIGKILL)
    except psutil.NoSuchProcess:
        return None
    return f"process {process.pid}"


def _pause(process: psutil.Process, chance: random.Random) -> str | None:
    try:
        process.suspend()
    except psutil.NoSuchProcess:
        return None
    try:
        return f"process {process.pid} for {_wait(chance, _PAUSE_S):.0f} s"
    finally:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def _wait(chance: random.Random, between: tuple[float, float]) -> float:
    seconds = chance.uniform(*between)
    time.sleep(seconds)
    return seconds
