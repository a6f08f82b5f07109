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
    """psql was not found."""


@app.command(context_settings={"ignore_unknown_options": True})
def sql(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments of psql: -c 'SELECT ...', --csv, ...")
    ] = None,
) -> None:
    """Query the published tables with psql, read-only; the exit code is that of psql."""
    services = configured()
    with reporting() as show:
        services.on_progress = show.line
        url = services.reader_url()
    program = _program(is_embedded=services.settings.warehouse.url is None)
    call, environment = psql_call(url, arguments or [], os.environ)
    give_native_output_back()
    # Replaces this process, so that only psql has the terminal and gets Ctrl-C.
    os.execve(program, [str(program), *call], environment)  # noqa: S606 - no shell is meant


def psql_call(url: str, arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return arguments and environment of a read-only psql on `mart`.

    The password is in the environment, because all users of a machine can see arguments.

    Args:
        url: SQLAlchemy URL.
        arguments: Further arguments of psql.
        environment: Inherited environment; its PGOPTIONS override those set here.
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
    """Return the embedded psql for the embedded server; for another server the system's psql if there is one."""
    from emberline.embedded.postgres_home import wheel_programs

    of_system, of_wheel = shutil.which("psql"), wheel_programs() / "psql"
    if of_system is not None and not is_embedded:
        return Path(of_system)
    if not of_wheel.is_file():
        raise NoPsql(f"There is no psql at {of_wheel}.", "Install emberline again: make install")
    return of_wheel
