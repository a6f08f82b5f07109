"""The roles of the embedded PostgreSQL, each with minimal privileges.

| Role | Database | May |
| --- | --- | --- |
| `emberline_admin` | every one | everything; it sets up the others and does nothing else |
| `emberline` | `emberline` | everything in its database, which it owns |
| `emberline_reader` | `emberline` | read the schema `mart` |
| `emberline_dagster` | `emberline_dagster` | everything in its database, which it owns: Dagster's storage |
| `emberline_tenant` | `emberline` | nothing itself; its members read the schema `tenant`: see `postgres_tenants` |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from schemas.access import TENANTS


@dataclass(frozen=True)
class Login:
    """A role, its database, the name of the secret with its password, and its most connections."""

    role: str
    database: str
    secret: str
    connections: int = -1


ADMIN: Final = Login("emberline_admin", "postgres", "postgres-admin")
PIPELINE: Final = Login("emberline", "emberline", "postgres-pipeline")
DAGSTER: Final = Login("emberline_dagster", "emberline_dagster", "postgres-dagster")
# A BI tool must not use up the 100 connections of the server, which the pipeline needs too.
READER: Final = Login("emberline_reader", "emberline", "postgres-reader", connections=40)

_OWNERS: Final = (PIPELINE, DAGSTER)
_READ: Final = "mart"
_CLOSED: Final = ("postgres", "template1", PIPELINE.database, DAGSTER.database)
"""Databases to which PUBLIC cannot connect."""
_FILL_A_DATABASE: Final = ("lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)")
"""Functions that create large objects, which every role may call by default."""

_LOCKS: Final = """
    SELECT unnest(ARRAY[
        format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure),
        format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, {owner})
    ])
    FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_'
"""
"""Revokes advisory locks, which every role may take by default: the publishers' lock would stop the pipeline."""

_ORDINARY: Final = """
    ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT {limit}
"""
_OF_TENANTS: Final[tuple[LiteralString, ...]] = (
    "ALTER ROLE {tenants} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
    "GRANT CONNECT ON DATABASE {database} TO {tenants}",
)
_LET_READ: Final[tuple[LiteralString, ...]] = (
    "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
    "GRANT USAGE ON SCHEMA {schema} TO {reader}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader}",
)
_OWNED: Final = """
    SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, {owner})
    FROM pg_namespace
    WHERE nspowner = {admin}::regrole AND nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL
    SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, {owner})
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relowner = {admin}::regrole AND nspname !~ '^pg_' AND nspname <> 'information_schema'
    AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (  -- the sequence of a column follows its table
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND relkind = 'S' AND d.deptype IN ('a', 'i')
    )
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, {owner})
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.proowner = {admin}::regrole AND nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL
    SELECT format('ALTER TYPE %s OWNER TO %I', t.oid::regtype, {owner})
    FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
    WHERE t.typowner = {admin}::regrole AND nspname !~ '^pg_' AND nspname <> 'information_schema'
    AND typtype IN ('e', 'd', 'r')
"""


def set_up(connect: Callable[[str], psycopg.Connection], secret: Callable[[str], str]) -> None:
    """Create missing roles and databases; update passwords, owners and privileges.

    Args:
        connect: Connects as the administrator to a database, in autocommit mode.
        secret: Returns the password by the name of a secret.
    """
    with connect(ADMIN.database) as server:
        for login in (PIPELINE, READER, DAGSTER):
            _create_role(server, login, secret(login.secret))
        server.execute(_filled("ALTER ROLE {reader} SET default_transaction_read_only = on"))
        # A run records some 500 events, each in several commits, which would each wait for the disk.
        server.execute(_filled("ALTER ROLE {role} SET synchronous_commit = off", role=DAGSTER.role))
        for owner in _OWNERS:
            if not server.execute("SELECT FROM pg_database WHERE datname = %s", [owner.database]).rowcount:
                server.execute(_filled("CREATE DATABASE {name}", name=owner.database))
            server.execute(_filled("ALTER DATABASE {name} OWNER TO {role}", name=owner.database, role=owner.role))
        for name in _CLOSED:
            server.execute(_filled("REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=name))
        server.execute(_filled("GRANT CONNECT ON DATABASE {name} TO {reader}", name=READER.database))
        let_tenants_in(server)
    for owner in _OWNERS:
        with connect(owner.database) as database, database.transaction():
            _hand_over(database, owner)
            guard(database, owner)


def guard(database: psycopg.Connection, owner: Login) -> None:
    """Revoke privileges that every role has by default; in the warehouse's database, grant the reader `mart`.

    Args:
        database: The administrator's connection to the database.
        owner: The owner of the database.
    """
    for function in _FILL_A_DATABASE:
        database.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC".encode())
    if owner is not PIPELINE:
        return
    for statement in _LET_READ:
        database.execute(_filled(statement, schema=_READ, owner=owner.role))
    for (statement,) in database.execute(sql.SQL(_LOCKS).format(owner=owner.role)).fetchall():
        database.execute(statement)


def let_tenants_in(server: psycopg.Connection) -> None:
    """Create the role that tenants are members of, or update its privileges."""
    create_missing(server, TENANTS)
    for statement in _OF_TENANTS:
        server.execute(_filled(statement, tenants=TENANTS, database=PIPELINE.database))


def create_missing(server: psycopg.Connection, role: str) -> None:
    """Create a role unless it exists."""
    if not server.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
        server.execute(_filled("CREATE ROLE {role}", role=role))


def set_password(server: psycopg.Connection, role: str, password: str) -> None:
    """Set a role's password; it is sent encrypted, because the server's log has statements that fail."""
    encrypted = server.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), encrypted.decode())
    server.execute(statement)


def _create_role(server: psycopg.Connection, login: Login, password: str) -> None:
    create_missing(server, login.role)
    limit = sql.Literal(login.connections)
    server.execute(sql.SQL(_ORDINARY).format(role=sql.Identifier(login.role), limit=limit))
    set_password(server, login.role, password)


def _hand_over(database: psycopg.Connection, owner: Login) -> None:
    """Transfer objects of the administrator to the owner of a database; version 0.1.0 had no other role."""
    query = sql.SQL(_OWNED).format(owner=owner.role, admin=ADMIN.role)
    for (statement,) in database.execute(query).fetchall():
        database.execute(statement)


def _filled(statement: LiteralString, **names: str) -> sql.Composed:
    identifiers = {name: sql.Identifier(value) for name, value in {"reader": READER.role, **names}.items()}
    return sql.SQL(statement).format(**identifiers)
