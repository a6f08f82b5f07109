"""The command `sql`: psql on the published tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from emberline.cli.app import app, configured
from emberline.cli.native_output import give_native_output_back
from emberline.cli.output import reporting
from schemas.errors import EmberlineError

_OPTIONS: Final = "-c search_path=mart -c default_transaction_read_only=on"


class NoPsql(EmberlineError):
    """There is no psql to start."""


@app.command(context_settings={"ignore_unknown_options": True})
def sql(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments of psql: -c 'SELECT ...', --csv, ...")
    ] = None,
) -> None:
    """Look at the published tables with psql, reading only; the exit code is that of psql."""
    services = configured()
    with reporting() as show:
        services.on_progress = show.line
        url = services.reader_url()
    program = _program(is_embedded=services.settings.warehouse.url is None)
    call, environment = psql_call(url, arguments or [], os.environ)
    give_native_output_back()
    # In place of this process, so that psql alone has the terminal and hears Ctrl-C.
    os.execve(program, [str(program), *call], environment)  # noqa: S606 - no shell is meant


def psql_call(url: str, arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Make the arguments and the environment of a psql that reads `mart` and writes nothing.

    The password is in the environment: arguments are seen by all users of a machine.

    Args:
        url: SQLAlchemy URL.
        arguments: What psql gets beside the connection.
        environment: What it inherits; its PGOPTIONS go over those set here.
    """
    import sqlalchemy as sa
    from psycopg.conninfo import make_conninfo

    parsed = sa.make_url(url)
    place = {"host": parsed.host, "port": parsed.port, "user": parsed.username, "dbname": parsed.database}
    connection = make_conninfo("", **{**parsed.query, **place})
    own = {"PGOPTIONS": f"{_OPTIONS} {environment.get('PGOPTIONS', '')}".strip()}
    if parsed.password is not None:
        own["PGPASSWORD"] = str(parsed.password)
    return [f"--dbname={connection}", *arguments], {"PGAPPNAME": "emberline sql", **environment, **own}


def _program(*, is_embedded: bool) -> Path:
    """The psql of the embedded server for it; for another one that of the system where there is one."""
    from emberline.embedded.postgres_home import wheel_programs

    of_system, of_wheel = shutil.which("psql"), wheel_programs() / "psql"
    if of_system is not None and not is_embedded:
        return Path(of_system)
    if not of_wheel.is_file():
        raise NoPsql(f"There is no psql at {of_wheel}.", "Install emberline again: make install")
    return of_wheel
