"""`python -m emberline.worker FD HOME TOKEN`: execute the runs that the launcher hands over, one after the other.

FD is a connection to `emberline.launcher`; HOME (Dagster's) and TOKEN identify the process. It receives serialized
`ExecuteRunArgs`, and sends None when it is free again. It ends when the launcher has ended, after a run that did not
succeed, and when it uses too much memory.
"""

from __future__ import annotations

import itertools
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
"""Most memory of a worker between runs; a large backlog leaves more behind, which is freed by ending the process."""


def main() -> None:
    """Execute runs until there is a reason to end."""
    fd = int(sys.argv[1])
    os.set_inheritable(fd, False)
    runs: Connection[None, str] = Connection(fd)
    with suppress(EOFError, ConnectionError, KeyboardInterrupt):  # the launcher is gone, or all is being stopped
        for number in itertools.count(1):
            execute_run(runs.recv())
            if number == _MOST_RUNS or psutil.Process().memory_info().rss > _MOST_BYTES:
                break  # without having said that it is free
            runs.send(None)


if __name__ == "__main__":
    main()
