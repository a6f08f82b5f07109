"""The command line: global options and the list of commands."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from emberline.cli.errors import ErrorsAsText

if TYPE_CHECKING:
    from emberline.services import Services

_STATE: Final = "EMBERLINE__STATE"

app = typer.Typer(
    name="emberline",
    cls=ErrorsAsText,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Keep the funnel from user retention to product sales exact and current, and see which groups are dying.",
    epilog=(
        "Exit codes: 0 done, 1 a defect, 2 wrong command line, 3 wrong settings, 4 an embedded engine, "
        "5 checks blocked the publication, 6 the pipeline failed, 130 interrupted, 141 the reader of the output ended."
    ),
)


@app.callback()
def options(
    context: typer.Context,
    state: Annotated[
        Path | None,
        typer.Option(help="State folder of the embedded services.  [default: .emberline]", show_default=False),
    ] = None,
) -> None:
    """Set the global options. The environment passes them on to Dagster's processes while the command runs."""
    if state is not None:
        context.call_on_close(partial(_restore, os.environ.get(_STATE)))
        os.environ[_STATE] = str(state.absolute())


def _restore(state: str | None) -> None:
    if state is None:
        os.environ.pop(_STATE, None)
    else:
        os.environ[_STATE] = state


def configured(*, looks_only: bool = False) -> Services:
    """Return the services of the current settings; see `Services`."""
    from emberline.services import Services
    from emberline.settings import load_settings

    return Services(load_settings(), looks_only=looks_only)
