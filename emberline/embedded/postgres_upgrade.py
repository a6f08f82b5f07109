"""Upgrade the roles of a state folder of version 0.1.0, keeping its rows.

There, one superuser, `emberline`, owned everything and was shown on the screen, and Dagster's storage was a schema of
the warehouse. PostgreSQL never takes its rights from the role that made the cluster, so that role gets another name and
another password, and `postgres_roles` creates an ordinary role of the old name. Each step can be repeated.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from emberline.embedded.errors import EngineDied
from emberline.embedded.postgres_roles import ADMIN, DAGSTER, PIPELINE, set_password
from emberline.embedded.state import StateFolder

_HELPER: Final = "emberline_upgrade"
_MOVED: Final = "dagster"
"""The schema of Dagster's storage."""

Connect = Callable[[str, str, str], psycopg.Connection]
"""Connects as a role, with a password, to a database, in autocommit mode."""


def former_secret(state: StateFolder) -> Path:
    """Return the file of the superuser's password in version 0.1.0; it exists until the upgrade is complete."""
    return state.path / "secrets" / "postgres"


def rename_superuser(state: StateFolder, connect: Connect) -> None:
    """Make the superuser `emberline` the administrator, with a new password, and end its connections.

    Raises:
        psycopg.OperationalError: Neither role can log in.
    """
    former = former_secret(state)
    if not former.exists():
        return
    password = state.secret(ADMIN.secret)
    try:
        connect(ADMIN.role, password, ADMIN.database).close()
    except psycopg.OperationalError:
        _rename(former.read_text(), password, connect)
    with connect(ADMIN.role, password, ADMIN.database) as server:
        # A client that is still connected would keep its rights.
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(_HELPER)))


def _rename(former: str, password: str, connect: Connect) -> None:
    """Rename the role by a second superuser, because a role cannot rename itself."""
    helper, helper_password = sql.Identifier(_HELPER), secrets.token_urlsafe()
    with connect(PIPELINE.role, former, ADMIN.database) as server:
        server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(helper))
        server.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN").format(helper))
        set_password(server, _HELPER, helper_password)
    names = sql.Identifier(PIPELINE.role), sql.Identifier(ADMIN.role)
    with connect(_HELPER, helper_password, ADMIN.database) as server, server.transaction():
        server.execute(sql.SQL("ALTER ROLE {} RENAME TO {}").format(*names))
        set_password(server, ADMIN.role, password)


def move_dagster_storage(state: StateFolder, connect: Connect, programs: Path, port: int) -> None:
    """Move Dagster's schema from the warehouse into its own database.

    Args:
        state: The state folder; the rows are written to a file in it that only its owner can read.
        connect: See `Connect`.
        programs: Folder of pg_dump and psql.
        port: The server's loopback port.

    Raises:
        EngineDied: One of the two programs failed; the rows are unchanged.
    """
    password = state.secret(ADMIN.secret)
    with connect(ADMIN.role, password, PIPELINE.database) as warehouse:
        if not _has_schema(warehouse):
            return
        with connect(ADMIN.role, password, DAGSTER.database) as storage:
            is_moved = _has_schema(storage)
        if not is_moved:
            _copy(state, programs, port)
        warehouse.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(_MOVED)))


def _has_schema(database: psycopg.Connection) -> bool:
    return bool(database.execute("SELECT FROM pg_namespace WHERE nspname = %s", [_MOVED]).rowcount)


def _copy(state: StateFolder, programs: Path, port: int) -> None:
    """Copy the schema from a complete dump in one transaction."""
    dump, log = state.path / "dagster-storage.sql", state.path / "postgres-setup.log"
    where = ["--host=127.0.0.1", f"--port={port}"]
    steps = (
        ("pg_dump", ADMIN, [f"--schema={_MOVED}", "--no-owner", "--no-privileges", f"--dbname={PIPELINE.database}"]),
        (
            "psql",
            DAGSTER,
            ["--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--dbname={DAGSTER.database}"],
        ),
    )
    dump.touch(mode=0o600)
    try:
        for program, login, options in steps:
            file = f"--file={dump}"
            kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
            with log.open("w") as output:
                done = subprocess.run(
                    [str(programs / program), *where, f"--username={login.role}", "--no-password", *options, file],
                    env={**kept, "PGPASSWORD": state.secret(login.secret)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            if done.returncode != 0:
                raise EngineDied(
                    f"moving Dagster's storage into a database of its own: {program} ended with {done.returncode}",
                    place=log,
                    next_step="see the log above, then start again; nothing is lost",
                )
    finally:
        dump.unlink(missing_ok=True)
