"""What each role of the embedded PostgreSQL may do, and what it may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors

from emberline.embedded import EmbeddedPostgres, StateFolder
from emberline.embedded.postgres_roles import ADMIN, DAGSTER, PIPELINE, READER, Login
from emberline.services import Services
from emberline.settings import Settings
from emberline.status import addresses
from pipelines.publish.warehouse import Warehouse


@pytest.fixture(scope="module")
def prepared(state_folder: StateFolder, postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The server of all workers, whose own database holds the warehouse; another worker may have prepared it."""
    with state_folder.lock("roles"):
        Warehouse(postgres.url(PIPELINE)).prepare()
        with connect(postgres, PIPELINE) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS staging.rows AS SELECT 1 AS n")
    return postgres


def connect(server: EmbeddedPostgres, login: Login, database: str | None = None) -> psycopg.Connection:
    url = sa.make_url(server.url(login)).set(drivername="postgresql", database=database or login.database)
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


@pytest.fixture
def reader(prepared: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with connect(prepared, READER) as connection:
        # Who reads may turn the default off: it is the rights that count.
        connection.execute("SET default_transaction_read_only = off")
        yield connection


def test_the_reader_reads_every_table_and_view_of_mart(reader: psycopg.Connection):
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'mart'::regnamespace AND relkind IN ('r', 'v')"
    tables = reader.execute(query)
    # Another test makes and drops `later`, perhaps now.
    names = [name for (name,) in tables.fetchall() if name != "later"]
    assert {"funnel_step", "alert"} <= {*names}
    for name in names:
        reader.execute(f"SELECT * FROM mart.{name}".encode())


def test_the_reader_reads_tables_that_are_made_later(prepared: EmbeddedPostgres, reader: psycopg.Connection):
    with connect(prepared, PIPELINE) as owner:
        owner.execute("CREATE TABLE mart.later AS SELECT 7 AS n")
        try:
            assert reader.execute("SELECT n FROM mart.later").fetchall() == [(7,)]
        finally:
            owner.execute("DROP TABLE mart.later")


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "CREATE TEMP TABLE t (x text)",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT pg_read_binary_file('postgresql.conf')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('postgresql.conf')",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT * FROM pg_authid",
        "SELECT * FROM ops.alert",
        "SELECT * FROM staging.rows",
        "INSERT INTO mart.publication SELECT * FROM mart.publication",
        "DELETE FROM mart.funnel_step",
        "UPDATE mart.dim_group SET name = ''",
        "TRUNCATE mart.funnel_step",
        "LOCK TABLE mart.funnel_step IN ACCESS EXCLUSIVE MODE",
        "SELECT * FROM mart.funnel_step FOR UPDATE",
        "CREATE TABLE mart.own (x int)",
        "CREATE TABLE public.own (x int)",
        "CREATE SCHEMA own",
        "CREATE DATABASE own",
        "CREATE ROLE own",
        "SET ROLE emberline",
        "ALTER ROLE emberline_reader SUPERUSER",
        "ALTER SYSTEM SET archive_command = 'true'",
    ],
)
def test_the_reader_may_only_read(reader: psycopg.Connection, statement: str):
    # CREATE DATABASE and ALTER SYSTEM are possible outside a transaction only, LOCK TABLE inside one.
    block = reader.transaction() if statement.startswith("LOCK") else nullcontext()
    with pytest.raises(errors.InsufficientPrivilege), block:
        reader.execute(statement.encode())


def test_only_dagsters_records_do_not_wait_for_the_disk(prepared: EmbeddedPostgres):
    query = "SELECT rolname FROM pg_roles WHERE 'synchronous_commit=off' = ANY(rolconfig)"
    with connect(prepared, PIPELINE) as connection:
        assert connection.execute(query).fetchall() == [(DAGSTER.role,)]


@pytest.mark.parametrize("login", [PIPELINE, DAGSTER, READER], ids=lambda login: login.role)
def test_no_role_but_the_administrator_is_more_than_an_ordinary_one(prepared: EmbeddedPostgres, login: Login):
    with connect(prepared, login) as connection:
        rights = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
        assert connection.execute(
            f"SELECT {rights} FROM pg_roles WHERE rolname = current_user".encode()
        ).fetchone() == ((False,) * 5)
        assert connection.execute("SELECT count(*) FROM pg_auth_members WHERE member > 16383").fetchone() == (0,)
        for statement in ("COPY (SELECT 1) TO PROGRAM 'cat'", "SELECT pg_read_binary_file('postgresql.conf')"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("login", "database"),
    [
        (READER, DAGSTER.database),
        (PIPELINE, DAGSTER.database),
        (DAGSTER, PIPELINE.database),
        *((login, database) for login in (PIPELINE, DAGSTER, READER) for database in ("postgres", "template1")),
    ],
    ids=lambda value: value if isinstance(value, str) else value.role,
)
def test_each_role_enters_its_own_database_only(prepared: EmbeddedPostgres, login: Login, database: str):
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(prepared, login, database)


def test_readers_leave_connections_to_the_pipeline(prepared: EmbeddedPostgres):
    with connect(prepared, ADMIN) as connection:
        (most,) = connection.execute("SHOW max_connections").fetchone() or ("0",)
    assert READER.connections < int(most) / 2


def test_the_address_that_is_shown_is_the_readers_and_holds_its_password_only_when_asked_for(
    prepared: EmbeddedPostgres, state_folder: StateFolder
):
    services = Services(Settings(state=state_folder.path))
    shown, whole = (addresses(services, with_secrets=secrets)["warehouse"] or "" for secrets in (False, True))
    assert shown.startswith("postgresql://emberline_reader@127.0.0.1:")
    assert sa.make_url(shown).password is None
    with psycopg.connect(whole) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("emberline_reader",)
    assert sa.make_url(shown).set(password=state_folder.secret(READER.secret)) == sa.make_url(whole)
    log = "".join(file.read_text() for file in (state_folder.path / "postgres" / "log").resolve().iterdir())
    assert not [login.role for login in (ADMIN, PIPELINE, READER, DAGSTER) if state_folder.secret(login.secret) in log]
