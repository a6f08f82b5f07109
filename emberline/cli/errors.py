"""Exit codes, and errors as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from emberline.cli.output import print_error
from emberline.embedded.errors import EngineError
from emberline.settings import SettingsError
from pipelines.events.pseudonym import WrongPseudonymKey
from pipelines.printable import printable
from schemas.errors import EmberlineError
from schemas.funnel import FunnelDefinitionError


class ExitCode(IntEnum):
    """What a command's exit code means; 1 is a defect of emberline, 2 a wrong command line."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    SETTINGS = 3
    ENGINE = 4
    BLOCKED = 5
    FAILED = 6


def exit_code(error: EmberlineError) -> ExitCode:
    """The exit code of an error."""
    match error:
        case SettingsError() | FunnelDefinitionError() | WrongPseudonymKey():
            return ExitCode.SETTINGS
        case EngineError():
            return ExitCode.ENGINE
        case _:
            return ExitCode.FAILED


class ErrorsAsText(TyperGroup):
    """Commands whose typed errors end as a box and an exit code, never as a traceback."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the global options."""
        with _usage_printable():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            with _usage_printable():
                return super().invoke(ctx)
        except EmberlineError as error:
            print_error(type(error).__name__, str(error))
            raise typer.Exit(exit_code(error)) from error


@contextmanager
def _usage_printable() -> Iterator[None]:
    """Make errors of usage printable: they quote arguments as they were given."""
    try:
        yield
    except typer.TyperException as error:
        error.message = printable(error.message)
        raise
