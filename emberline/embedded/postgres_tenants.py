"""Logins of tenants in the embedded PostgreSQL: one per tenant, with limits, members of one role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from emberline.embedded.postgres_roles import create_missing, set_password
from schemas.access import TENANT, TENANTS

_LOGIN: Final[tuple[LiteralString, ...]] = (
    "ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT",
    "GRANT {tenants} TO {name} WITH ADMIN FALSE, INHERIT TRUE, SET FALSE",
    "ALTER ROLE {name} SET search_path = {schema}",
    "ALTER ROLE {name} SET default_transaction_read_only = on",
    "ALTER ROLE {name} SET idle_in_transaction_session_timeout = {idle_ms}",
    "ALTER ROLE {name} SET temp_file_limit = {temp_kb}",
)
_OTHERS: Final = """
    SELECT FROM pg_roles AS r WHERE rolname = %s AND NOT EXISTS (
        SELECT FROM pg_auth_members WHERE member = r.oid AND roleid = to_regrole(%s)
    )
"""
_IDLE_MS: Final = 60_000
_TEMP_KB: Final = 1_000_000
"""Most temporary disk space of a query; like the connection limit, and unlike others, a tenant cannot change it."""


@dataclass(frozen=True)
class TenantLimits:
    """Most connections of a tenant, and timeout of a statement; None: unchanged, or the default."""

    connections: int | None = None
    statement_seconds: int | None = None


_DEFAULTS: Final = TenantLimits(connections=5, statement_seconds=60)


def is_free(server: psycopg.Connection, name: str) -> bool:
    """Whether a tenant may have this name: no role has it, or only a tenant's."""
    return not server.execute(_OTHERS, [name, TENANTS]).rowcount


def has_login(server: psycopg.Connection, name: str) -> bool:
    """Whether a role of this name exists and may log in."""
    return bool(server.execute("SELECT FROM pg_roles WHERE rolname = %s AND rolcanlogin", [name]).rowcount)


def create_login(server: psycopg.Connection, name: str, limits: TenantLimits, password: str | None) -> None:
    """Create the login of a tenant, or update its limits and, if given, its password."""
    defaults = TenantLimits() if has_login(server, name) else _DEFAULTS
    connections = limits.connections or defaults.connections
    seconds = limits.statement_seconds or defaults.statement_seconds
    with server.transaction():
        create_missing(server, name)
        for statement in _LOGIN:
            server.execute(_filled(statement, name))
        if connections is not None:
            server.execute(_filled("ALTER ROLE {name} CONNECTION LIMIT {number}", name, connections))
        if seconds is not None:
            server.execute(_filled("ALTER ROLE {name} SET statement_timeout = {number}", name, seconds * 1000))
        if password is not None:
            set_password(server, name, password)


def drop_login(server: psycopg.Connection, name: str) -> None:
    """Drop the login of a tenant and end its connections."""
    server.execute(_filled("ALTER ROLE {name} NOLOGIN", name))
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name])
    server.execute(_filled("DROP ROLE {name}", name))


def _filled(statement: LiteralString, name: str, number: int = 0) -> sql.Composed:
    identifiers = {"tenants": TENANTS, "schema": TENANT, "name": name}
    numbers = {"idle_ms": _IDLE_MS, "temp_kb": _TEMP_KB, "number": number}
    return sql.SQL(statement).format(
        **{key: sql.Identifier(value) for key, value in identifiers.items()},
        **{key: sql.Literal(value) for key, value in numbers.items()},
    )
