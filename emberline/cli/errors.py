"""Exit codes, and errors as a person reads them."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from emberline.cli.native_output import native_output_kept
from emberline.cli.output import print_error
from emberline.embedded.errors import EngineError
from emberline.failures import explained, has_log, keep_trace
from emberline.settings import SettingsError, load_settings
from pipelines.events.pseudonym import WrongPseudonymKey
from pipelines.ingest.client_options import KafkaMisconfigured
from pipelines.printable import printable
from pipelines.publish.errors import UnsupportedWarehouse
from pipelines.system_refusals import SystemRefused
from schemas.errors import EmberlineError
from schemas.funnel import FunnelDefinitionError

_REPORT: Final = "Next: Report it with the trace and what you did: this is a defect of emberline."


class ExitCode(IntEnum):
    """What a command's exit code means; 1 is a defect of emberline, 2 a wrong command line."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    SETTINGS = 3
    ENGINE = 4
    BLOCKED = 5
    FAILED = 6
    INTERRUPTED = 130
    UNREAD = 141


def exit_code(error: EmberlineError) -> ExitCode:
    """The exit code of an error."""
    match error:
        case SettingsError() | FunnelDefinitionError() | WrongPseudonymKey() | UnsupportedWarehouse():
            return ExitCode.SETTINGS
        case KafkaMisconfigured():
            return ExitCode.SETTINGS
        case EngineError() | SystemRefused():
            return ExitCode.ENGINE
        case _:
            return ExitCode.FAILED


def print_defect(cause: str, trace: str) -> None:
    """Print a defect and name the file with its trace, which is printed itself only where no file can be written."""
    file = keep_trace(trace, _state())
    if file is None:
        print_error("Trace", trace)
    where = "the trace above" if file is None else f"the trace in {file}"
    print_error("Defect", f"{cause}\nWhere: {where}\n{_REPORT}")


class ErrorsAsText(TyperGroup):
    """Commands whose errors end as a box and an exit code, never as a traceback."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the global options; `--help` and the completion of shells do their work in here."""
        try:
            with _told_as_text():
                return super().make_context(*args, **extra)
        except typer.Exit as end:
            # Typer's own options have one code for a shell that they do not know; a defect has its box.
            is_shell = end.exit_code == ExitCode.DEFECT and end.__cause__ is None
            raise typer.Exit(ExitCode.USAGE if is_shell else end.exit_code) from end

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with native_output_kept(_keep_native_output), _told_as_text():
            return super().invoke(ctx)


@contextmanager
def _told_as_text() -> Iterator[None]:
    """Print what stops a command, and exit with the code of its kind."""
    try:
        with _usage_printable(), _output_flushed():
            yield
    except (KeyboardInterrupt, typer.Abort):
        print_error("Interrupted", "What was committed before is whole.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(ExitCode.UNREAD) from None
    except (typer.TyperException, typer.Exit, SystemExit):
        raise
    except BaseException as error:  # what Delta and Polars panic with is no Exception
        known = explained(error)
        if known is None:
            print_defect(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))
            raise typer.Exit(ExitCode.DEFECT) from error
        print_error(type(known).__name__, str(known))
        raise typer.Exit(exit_code(known)) from error


@contextmanager
def _usage_printable() -> Iterator[None]:
    """Make errors of usage printable: they quote arguments as they were given."""
    try:
        yield
    except typer.TyperException as error:
        error.message = printable(error.message)
        raise


@contextmanager
def _output_flushed() -> Iterator[None]:
    """Let what standard output refuses show in here: when Python ends, it is too late to say so."""
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


def _keep_native_output(written: str) -> None:
    """Add it to `errors.log`, where there is a state folder, for who looks into an error that was told in a box."""
    if has_log(state := _state()):
        keep_trace(f"A library wrote on standard error:\n{written}", state)


def _state() -> Path:
    """The state folder's path, in so far as the settings can be read."""
    try:
        return load_settings().state
    except SettingsError:
        return Path(".emberline")
