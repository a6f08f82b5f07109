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
    """Start `command` in a session of its own and write its process id to `record`.

    Args:
        command: Program (absolute path) and arguments.
        log: File that receives both output streams, emptied first.
        record: The pid file.
        env: The whole environment of the process.
        inherit: A file descriptor that stays open in the process, such as that of a lock.
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
    """Wait until a process answers.

    Args:
        answers: Whether it does.
        lives: Whether it still runs.
        name: What people call it.
        log: Its log, which the error quotes.
        within_s: How long it may take.
        poll_s: How often it is asked.

    Raises:
        EngineDied: It ended, or did not answer in time.
    """
    deadline = time.monotonic() + within_s
    while not answers():
        if not lives() or time.monotonic() > deadline:
            raise EngineDied(f"{name} did not come up", place=log, next_step="see the log, then start again")
        time.sleep(poll_s)


def answers_at(url: str, timeout_s: float) -> bool:
    """Tell whether a page of ours is there, within so many seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s):  # noqa: S310 - of the settings, or on loopback
            return True
    except (URLError, OSError):
        return False


def recorded(record: Path, argument: str) -> psutil.Process | None:
    """Return the live process named by a pid file, or None.

    Process ids are given out again after a crash or a restart of the machine, so the process counts
    only when `argument`, a path inside the state folder, stands in its command line.
    """
    try:
        process = psutil.Process(int(record.read_text().split(maxsplit=1)[0]))
        return process if argument in _command_line(process) else None
    except (FileNotFoundError, ValueError, IndexError):
        return None
    except psutil.NoSuchProcess:  # a zombie too
        return None


def strays(program: str, argument: str) -> list[psutil.Process]:
    """Return the processes that run `program`, a path or a module of Python, with `argument`, recorded or not."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if (words[:1] == [program] or words[1:3] == ["-m", program]) and argument in words:
                found.append(process)
    return found


def _command_line(process: psutil.Process) -> list[str]:
    """Return the command line, waiting out the moments when a process shows none.

    It is empty for an instant while a process begins and while it dies; a thread of the kernel
    shows none for good. Read too early, an engine just launched would pass for dead.
    """
    deadline = time.monotonic() + _COMMAND_LINE_WITHIN_S
    while not (found := process.cmdline()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found


def end(process: psutil.Process, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn until the process is gone, waiting so many seconds after each."""
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
        process.wait(0)  # collects our own children
    except psutil.TimeoutExpired:
        # Once the command that started it is over, collecting it is up to the first process of the
        # machine, and that of a container may never do it.
        with suppress(psutil.NoSuchProcess):
            return process.status() == psutil.STATUS_ZOMBIE
    return True
