"""Exit codes, and printing of errors."""

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
    """Exit codes of commands; 1 is a defect of emberline, 2 a wrong command line."""

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
    """Return the exit code of an error."""
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
    """Print a defect and the file with its trace; the trace itself only if no file can be written."""
    file = keep_trace(trace, _state())
    if file is None:
        print_error("Trace", trace)
    where = "the trace above" if file is None else f"the trace in {file}"
    print_error("Defect", f"{cause}\nWhere: {where}\n{_REPORT}")


class ErrorsAsText(TyperGroup):
    """Commands whose errors are printed as a box with an exit code, never as a traceback."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the global options; `--help` and shell completion run in here."""
        try:
            with _told_as_text():
                return super().make_context(*args, **extra)
        except typer.Exit as end:
            # Typer's own options exit with one code for an unknown shell; a defect gets its box.
            is_shell = end.exit_code == ExitCode.DEFECT and end.__cause__ is None
            raise typer.Exit(ExitCode.USAGE if is_shell else end.exit_code) from end

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with native_output_kept(_keep_native_output), _told_as_text():
            return super().invoke(ctx)


@contextmanager
def _told_as_text() -> Iterator[None]:
    """Print the error that stops a command, and exit with its code."""
    try:
        with _usage_printable(), _output_flushed():
            yield
    except (KeyboardInterrupt, typer.Abort):
        print_error("Interrupted", "Everything committed before is complete.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(ExitCode.UNREAD) from None
    except (typer.TyperException, typer.Exit, SystemExit):
        raise
    except BaseException as error:  # panics of Delta and Polars are not Exceptions
        known = explained(error)
        if known is None:
            print_defect(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))
            raise typer.Exit(ExitCode.DEFECT) from error
        print_error(type(known).__name__, str(known))
        raise typer.Exit(exit_code(known)) from error


@contextmanager
def _usage_printable() -> Iterator[None]:
    """Escape usage errors, which quote the arguments."""
    try:
        yield
    except typer.TyperException as error:
        error.message = printable(error.message)
        raise


@contextmanager
def _output_flushed() -> Iterator[None]:
    """Flush standard output in this block, because an error at exit could no longer be reported."""
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


def _keep_native_output(written: str) -> None:
    """Append the output to `errors.log` of the state folder, if there is one, for the analysis of an error."""
    if has_log(state := _state()):
        keep_trace(f"A library wrote on standard error:\n{written}", state)


def _state() -> Path:
    """Return the path of the state folder, if the settings can be read."""
    try:
        return load_settings().state
    except SettingsError:
        return Path(".emberline")
