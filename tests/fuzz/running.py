"""Run a case in a process of its own, which is a fork of this one: all of emberline is imported once for all cases."""

from __future__ import annotations

import encodings
import importlib
import io
import os
import pkgutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from tests.fuzz.cases import Case

TIME_LIMIT_S: Final = 90.0
_NOBODY: Final = 65_534
_WITHOUT_END: Final = (("ingest",), ("receive",))
_WORKERS_RUN_S: Final = 4.0
"""How long a command without an end of its own runs before it is told to end."""
_OUTPUT, _ERRORS, _TEMPORARY = "stdout", "stderr", "tmp"


@dataclass
class Running:
    """A case that runs."""

    case: Case
    folder: Path
    process: int
    since: float
    is_told_to_end: bool = False


@dataclass(frozen=True)
class Ended:
    """What came of a case; `code` is negative for a signal, None where the time was over."""

    case: Case
    code: int | None
    output: str
    errors: str
    trace: str
    seconds: float


_OF_SUPERSET: Final = (".superset_config", ".superset_setup")


def import_all() -> None:
    """Import what commands import when they run. No thread may run afterwards that a fork would miss."""
    # A case that is no longer root may be unable to read the folder of Python.
    importlib.import_module("_strptime")
    for codec in pkgutil.iter_modules(encodings.__path__):
        with suppress(ImportError):  # of another system
            importlib.import_module(f"encodings.{codec.name}")
    for room in ("schemas", "pipelines", "assets", "sensors", "emberline"):
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            # Those of Alembic and of Superset are read by these, and of the latter there is none in this environment.
            if not module.name.endswith(("__main__", *_OF_SUPERSET)) and ".migrations." not in module.name:
                importlib.import_module(module.name)


def start(case: Case, folder: Path) -> Running:
    """Start a case in its folder."""
    (folder.with_suffix(".out")).mkdir()
    process = os.fork()
    if process == 0:
        _run(case, folder)
    return Running(case, folder, process, time.monotonic())


def poll(running: Running) -> Ended | None:
    """What came of a case; None while it runs."""
    seconds = time.monotonic() - running.since
    found, status = os.waitpid(running.process, os.WNOHANG)
    if found:
        return _ended(running, os.waitstatus_to_exitcode(status), seconds)
    if running.case.command in _WITHOUT_END and seconds > _WORKERS_RUN_S and not running.is_told_to_end:
        running.is_told_to_end = True
        os.kill(running.process, signal.SIGTERM)
    if seconds > TIME_LIMIT_S:
        os.killpg(running.process, signal.SIGKILL)
        os.waitpid(running.process, 0)
        return _ended(running, None, seconds)
    return None


def _ended(running: Running, code: int | None, seconds: float) -> Ended:
    beside = running.folder.with_suffix(".out")
    output, errors = ((beside / name).read_bytes().decode(errors="replace") for name in (_OUTPUT, _ERRORS))
    logs = [*running.folder.rglob("errors.log"), *(beside / _TEMPORARY).glob("emberline-error-*")]
    trace = "\n".join(log.read_text(errors="replace") for log in logs)
    return Ended(running.case, code, output, errors, trace, seconds)


def _run(case: Case, folder: Path) -> NoReturn:
    """Be the case: nothing here returns to the code that the fork came from."""
    code = 1
    try:
        os.setsid()
        _settle(case, folder)
        code = _exit_code()
    except BaseException as error:  # what is told by a traceback is a finding
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _settle(case: Case, folder: Path) -> None:
    beside = folder.with_suffix(".out")
    (beside / _TEMPORARY).mkdir(mode=0o777)
    (beside / _TEMPORARY).chmod(0o777)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, _OUTPUT), (2, _ERRORS)):
        os.dup2(os.open(beside / name, os.O_WRONLY | os.O_CREAT), number)
    # The interpreter's own: output strict, errors with escapes.
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding=case.encoding)  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(
        open(2, "wb", closefd=False), encoding=case.encoding, errors="backslashreplace", line_buffering=True  # noqa: SIM115
    )  # fmt: skip
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(
        {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "TMPDIR": str(beside / _TEMPORARY),
        }
    )
    os.environ.update(case.environment)
    tempfile.tempdir = None
    sys.argv = [str(Path(sys.executable).parent / "emberline"), *case.arguments]
    if case.lake == "read-only" and os.getuid() == 0:  # no folder is read-only for root
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def _exit_code() -> int:
    from emberline.cli import main

    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
