"""A state folder of version 0.1.0 gets roles with least rights and keeps its rows."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from emberline.embedded import EmbeddedPostgres, StateFolder, postgres, postgres_upgrade
from emberline.embedded.ports import LOOPBACK, kept_port
from emberline.embedded.postgres_config import initdb_options, postgresql_conf
from emberline.embedded.postgres_home import Home, prepare
from emberline.embedded.postgres_roles import DAGSTER, PIPELINE, READER, Login
from emberline.embedded.system_user import as_account

FAST = {"fsync": "off"}
_FILL = """
    CREATE SCHEMA mart; CREATE SCHEMA ops; CREATE SCHEMA dagster;
    CREATE TABLE mart.figure (n bigint GENERATED ALWAYS AS IDENTITY, name text);
    INSERT INTO mart.figure (name) VALUES ('kept');
    CREATE VIEW mart.seen AS SELECT name FROM mart.figure;
    CREATE TABLE ops.alert (id serial, rule text);
    CREATE TYPE ops.level AS ENUM ('low');
    CREATE FUNCTION ops.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE dagster.runs (id serial PRIMARY KEY, status text);
    INSERT INTO dagster.runs (status) VALUES ('SUCCESS');
"""


SUPERUSERS = "SELECT rolname FROM pg_roles WHERE rolsuper"
OF_ADMIN = """
    SELECT relname FROM pg_class WHERE relowner = 'emberline_admin'::regrole AND oid > 16383
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = 'emberline_admin'::regrole AND oid > 16383
    UNION ALL SELECT typname FROM pg_type WHERE typowner = 'emberline_admin'::regrole AND oid > 16383
    UNION ALL SELECT proname FROM pg_proc WHERE proowner = 'emberline_admin'::regrole AND oid > 16383
"""


class Former:
    """A server as version 0.1.0 left it: one superuser, `emberline`, that owns everything."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self.home: Home = prepare(state)
        self.data = self.home.folder / "data"
        password = self.home.folder / "password"
        password.write_text(state.secret("postgres"))
        password.chmod(0o644)
        self.run("initdb", *initdb_options("emberline", str(password), FAST))
        password.unlink()
        (self.data / "postgresql.conf").write_text(postgresql_conf(kept_port(state.path / "postgres.port"), FAST))
        self.start()
        with self.connect("postgres") as server:
            server.execute("CREATE DATABASE emberline")
        with self.connect("emberline") as database:
            database.execute(_FILL)

    def run(self, program: str, *options: str) -> None:
        command = [str(self.home.programs / program), f"--pgdata={self.data}", *options]
        where = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "cwd": self.home.folder}
        subprocess.run(command, check=True, **where, **as_account(self.home.account))

    def start(self) -> None:
        self.run("pg_ctl", "start", "--wait", f"--log={self.home.folder / 'console.log'}")

    def connect(self, database: str) -> psycopg.Connection:
        where = {"host": LOOPBACK, "port": int((self.state.path / "postgres.port").read_text())}
        password = (self.state.path / "secrets" / "postgres").read_text()
        return psycopg.connect(**where, user="emberline", password=password, dbname=database, autocommit=True)


@pytest.fixture
def former() -> Iterator[Former]:
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    state = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-former-")))
    try:
        yield Former(state)
    finally:
        EmbeddedPostgres(state).stop()
        state.destroy()


def rows(server: EmbeddedPostgres, login: Login, query: str) -> list[tuple]:
    url = sa.make_url(server.url(login)).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped", "running"])
def test_a_folder_of_the_version_before_keeps_its_rows_and_loses_its_superuser(former: Former, is_running: bool):
    password = former.state.secret("postgres")
    client = former.connect("emberline")
    if not is_running:
        former.run("pg_ctl", "stop", "--wait", "--mode=fast")
    server = EmbeddedPostgres(former.state, settings=FAST)
    url = server.start()

    assert rows(server, PIPELINE, "SELECT name FROM mart.figure") == [("kept",)]
    assert rows(server, PIPELINE, "INSERT INTO mart.figure (name) VALUES ('new') RETURNING n") == [(2,)]
    assert rows(server, READER, "SELECT name FROM mart.seen") == [("kept",), ("new",)]
    assert rows(server, DAGSTER, "INSERT INTO dagster.runs (status) VALUES ('NEW') RETURNING id") == [(2,)]
    assert rows(server, PIPELINE, "SELECT count(*) FROM pg_namespace WHERE nspname = 'dagster'") == [(0,)]
    assert rows(server, PIPELINE, SUPERUSERS) == [("emberline_admin",)]
    assert rows(server, PIPELINE, OF_ADMIN) == []
    assert [path.name for path in former.state.path.glob("*.sql")] == []

    assert not (former.state.path / "secrets" / "postgres").exists()
    for role in ("emberline", "emberline_admin"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=LOOPBACK, port=sa.make_url(url).port, user=role, password=password, dbname="emberline")
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")
    server.stop()
    assert server.start() == url


def test_an_upgrade_that_broke_off_is_finished_by_the_next_start(former: Former, monkeypatch: pytest.MonkeyPatch):
    server = EmbeddedPostgres(former.state, settings=FAST)

    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    def copy_and_break_off(*arguments: Any) -> None:
        copy(*arguments)
        raise KeyboardInterrupt

    copy = postgres_upgrade._copy
    for place, broken in ((postgres, ("set_up", break_off)), (postgres_upgrade, ("_copy", copy_and_break_off))):
        with monkeypatch.context() as patch:
            patch.setattr(place, *broken)
            with pytest.raises(KeyboardInterrupt):
                server.start()
    server.start()
    assert rows(server, DAGSTER, "SELECT status FROM dagster.runs") == [("SUCCESS",)]
    assert rows(server, PIPELINE, "SELECT name FROM mart.figure") == [("kept",)]
    assert rows(server, PIPELINE, "SELECT count(*) FROM pg_namespace WHERE nspname = 'dagster'") == [(0,)]
    assert rows(server, PIPELINE, SUPERUSERS) == [("emberline_admin",)]
