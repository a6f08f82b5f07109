"""Exit codes, and errors as a person reads them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import typer
from rich.panel import Panel
from rich.text import Text
from typer.core import TyperGroup

from emberline.cli.output import stderr
from emberline.embedded.errors import EngineError
from emberline.settings import SettingsError
from pipelines.events.pseudonym import WrongPseudonymKey
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


def print_error(title: str, text: str) -> None:
    """A red box on standard error."""
    stderr.print(Panel(Text(text), title=title, title_align="left", border_style="red"))


class ErrorsAsText(TyperGroup):
    """Commands whose typed errors end as a box and an exit code, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except EmberlineError as error:
            print_error(type(error).__name__, str(error))
            raise typer.Exit(exit_code(error)) from error
