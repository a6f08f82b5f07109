"""`python -m emberline.worker FD HOME WORD`: carries out the runs its launcher hands over, one after the other.

FD is a connection of `emberline.launcher`; HOME, Dagster's, and WORD are there to recognise the process by. A
serialized `ExecuteRunArgs` comes in; None goes out when the process is free again. It ends when the launcher is gone,
after a run that did not succeed, and when it should be renewed.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final

import psutil

import emberline.definitions  # noqa: F401 - what a run imports, before one waits for it
from emberline.dagster_internals import execute_run

_MOST_RUNS: Final = 50
_MOST_BYTES: Final = 1024**3
"""A large backlog leaves the memory of its batches behind; more than this is given back by ending."""


_UNTRUE: Final = "Blocking asset check"
"""Of a run with nothing new Dagster warns that `publish` proceeds without its checks; it is skipped with them."""


def main() -> None:
    """Serve until there is a reason to end."""
    drop_untrue_warning()
    fd = int(sys.argv[1])
    os.set_inheritable(fd, False)
    runs: Connection[None, str] = Connection(fd)
    with suppress(EOFError, ConnectionError, KeyboardInterrupt):  # the launcher is gone, or all is being stopped
        for number in itertools.count(1):
            execute_run(runs.recv())
            if number == _MOST_RUNS or psutil.Process().memory_info().rss > _MOST_BYTES:
                break  # without having said that it is free
            runs.send(None)


def drop_untrue_warning() -> None:
    """Keep the warning of checks without a result out of the log of runs: nothing is published that was not checked."""
    if (handler := logging.lastResort) is not None:
        handler.addFilter(lambda record: not record.getMessage().startswith(_UNTRUE))


if __name__ == "__main__":
    main()
