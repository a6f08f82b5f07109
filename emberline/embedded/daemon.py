"""Processes that outlive the command that started them."""

import os
import signal
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError

import psutil

from emberline.embedded.errors import EngineDied
from emberline.embedded.state import write_private

_POLL_S = 0.02
_COMMAND_LINE_WITHIN_S = 1.0


def launch(
    command: Sequence[str],
    *,
    log: Path,
    record: Path,
    env: Mapping[str, str],
    inherit: int | None = None,
) -> None:
    """Start `command` in its own session and write its process id to `record`.

    Args:
        command: Program (absolute path) and arguments.
        log: File that receives both output streams, emptied first.
        record: The pid file.
        env: The whole environment of the process.
        inherit: A file descriptor that the process inherits, such as that of a lock.
    """
    if inherit is not None:
        os.set_inheritable(inherit, True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    pid = os.posix_spawn(
        command[0],
        list(command),
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    write_private(record, str(pid))


def wait_until(
    answers: Callable[[], bool], lives: Callable[[], bool], *, name: str, log: Path, within_s: float, poll_s: float
) -> None:
    """Wait until a process is ready.

    Args:
        answers: Returns whether it is ready.
        lives: Returns whether it still runs.
        name: Its display name.
        log: Its log, which the error quotes.
        within_s: Timeout in seconds.
        poll_s: Seconds between checks.

    Raises:
        EngineDied: It ended, or did not answer in time.
    """
    deadline = time.monotonic() + within_s
    while not answers():
        if not lives() or time.monotonic() > deadline:
            raise EngineDied(f"{name} did not come up", place=log, next_step="see the log, then start again")
        time.sleep(poll_s)


def answers_at(url: str, timeout_s: float) -> bool:
    """Whether a URL answers within the timeout."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s):  # noqa: S310 - of the settings, or on loopback
            return True
    except (URLError, OSError):
        return False


def recorded(record: Path, argument: str) -> psutil.Process | None:
    """Return the live process named by a pid file, or None.

    Process ids are reused after a crash or a restart of the machine, so the process only counts if its
    command line has `argument`, a path inside the state folder.
    """
    try:
        process = psutil.Process(int(record.read_text().split(maxsplit=1)[0]))
        return process if argument in _command_line(process) else None
    except (FileNotFoundError, ValueError, IndexError):
        return None
    except psutil.NoSuchProcess:  # a zombie too
        return None


def strays(program: str, argument: str) -> list[psutil.Process]:
    """Return all processes that run `program`, a path or a Python module, with `argument`; pid files do not matter."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if (words[:1] == [program] or words[1:3] == ["-m", program]) and argument in words:
                found.append(process)
    return found


def _command_line(process: psutil.Process) -> list[str]:
    """Return the command line; wait while it is empty for an instant.

    It is empty for an instant while a process starts or ends; a kernel thread never has one. Without
    waiting, an engine that was just launched would count as dead.
    """
    deadline = time.monotonic() + _COMMAND_LINE_WITHIN_S
    while not (found := process.cmdline()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found


def end(process: psutil.Process, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send the signals in turn until the process has ended, with a timeout in seconds after each."""
    for number, timeout in steps:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        deadline = time.monotonic() + timeout
        while not _is_gone(process):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        else:
            return


def _is_gone(process: psutil.Process) -> bool:
    try:
        process.wait(0)  # reaps our own children
    except psutil.TimeoutExpired:
        # Once the command that started it has ended, init must reap it, and that of a container may
        # never do so.
        with suppress(psutil.NoSuchProcess):
            return process.status() == psutil.STATUS_ZOMBIE
    return True
