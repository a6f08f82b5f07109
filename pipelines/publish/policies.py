"""Row-level security of the warehouse: the decisions of `schemas.access` as policies, rights and views.

Each table of `mart` and `ops` has three policies, which are enforced for its owner, too: roles with a right to the
table read all rows; tenants read only the rows of the decision; and the owner reads none on behalf of a tenant, so
that a view with the owner's rights shows a tenant nothing. For pipeline and readers the policies are
evaluated once a statement and cost next to nothing.

Tenants have no right on `mart`: they read views in `schemas.access.TENANT` with their own rights. The `OFFSET 0` of
the views keeps conditions of a query away from the table: otherwise the planner would estimate how many rows of all
groups meet them, and EXPLAIN shows its estimates.

Policies, like references, are updated when the warehouse is prepared. There are none without the role `TENANTS` or
before PostgreSQL 15.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from pipelines.publish.errors import PoliciesFailed
from schemas import operations, warehouse
from schemas.access import TENANT, TENANTS, Access, access_of
from schemas.quoting import quoted

_TABLES: Final = (*warehouse.metadata.sorted_tables, *operations.metadata.sorted_tables)
_OLDEST: Final = (15,)
"""The first version of PostgreSQL with views that use the rights of the reader."""
_LONGEST_WAIT: Final = "10s"
_EVERYBODY, _OWNER, _TENANTS = "emberline_everybody", "emberline_owner", "emberline_tenants"
# The tables stay readable if they are restored from a dump to a server without the role.
_NOT_FOR_A_TENANT: Final = (
    # In a query of its own it is evaluated once a statement, not once a row.
    "SELECT current_setting('is_superuser') = 'on'"
    f" OR NOT coalesce(pg_has_role(current_user, to_regrole('{TENANTS}'), 'USAGE'), false)"
)

_WANTED: Final = sa.text(
    """
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :tenants)
    AND (to_regnamespace(:schema) IS NOT NULL OR has_database_privilege(current_database(), 'CREATE'))
    """
)
_ENTERED: Final = sa.text(
    "SELECT has_schema_privilege(:tenants, oid, 'USAGE') FROM pg_namespace WHERE nspname = :schema"
)
_FOUND: Final = sa.text(
    """
    WITH them AS (SELECT oid FROM pg_roles WHERE rolname = :tenants)
    SELECT
        format('%s.%s', n.nspname, c.relname) AS name,
        c.relowner::regrole::text AS owner,
        (SELECT obj_description(oid, 'pg_policy') FROM pg_policy WHERE polrelid = c.oid AND polname = :policy) AS known,
        md5(concat_ws(
            '|', c.relowner, c.relrowsecurity, c.relforcerowsecurity,
            (
                SELECT string_agg(concat_ws(
                    ' ', polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid),
                    pg_get_expr(polwithcheck, polrelid)
                ), ',' ORDER BY polname)
                FROM pg_policy WHERE polrelid = c.oid AND polname LIKE 'emberline\\_%'
            ),
            (
                SELECT string_agg(privilege_type, ',' ORDER BY privilege_type)
                FROM them, aclexplode(c.relacl) WHERE grantee = them.oid
            ),
            (
                SELECT string_agg(concat_ws(' ', attname, privilege_type), ',' ORDER BY attnum, privilege_type)
                FROM them, pg_attribute AS a, aclexplode(a.attacl) WHERE attrelid = c.oid AND grantee = them.oid
            ),
            (
                SELECT concat_ws(' ', v.reloptions, v.relacl, pg_get_viewdef(v.oid)) FROM pg_class AS v
                WHERE v.relnamespace = to_regnamespace(:schema) AND v.relname = c.relname
            )
        )) AS state
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname = ANY(:schemas)
    """
)
_NAMES: Final = {"tenants": TENANTS, "schema": TENANT}


def declare(connection: sa.Connection) -> None:
    """Let tenants read what `schemas.access` decides, and nothing else; change only what differs.

    Raises:
        PoliciesFailed: PostgreSQL refused.
    """
    if (connection.dialect.server_version_info or ()) < _OLDEST:
        return
    if not connection.execute(_WANTED, _NAMES).scalar():
        return
    outdated = {table: script for table, script in _scripts(connection) if script}
    if not outdated and connection.execute(_ENTERED, _NAMES).scalar():
        return
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'")
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {TENANT}")
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {TENANT} TO {TENANTS}")
        for table, script in outdated.items():
            for statement in script:
                connection.exec_driver_sql(statement)
            _remember(connection, table)
        connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
    except DBAPIError as error:
        raise PoliciesFailed(
            f"What tenants may read could not be brought up to date. PostgreSQL refused: {error.orig}",
            url=connection.engine.url,
            next_step="Run emberline once as the owner of the tables of mart and ops; end sessions that hold locks.",
        ) from error


def withdraw_views(connection: sa.Connection) -> None:
    """Drop the views of tenants, so that columns of tables can change; `declare` creates them again."""
    for name in sa.inspect(connection).get_view_names(TENANT):
        connection.exec_driver_sql(f"DROP VIEW {TENANT}.{quoted(name)}")


def _scripts(connection: sa.Connection) -> Iterator[tuple[sa.Table, list[str]]]:
    """Return the statements that bring each table to its decision; none for a table that is up to date."""
    found = _found(connection)
    for table in _TABLES:
        if (row := found.get(table.fullname)) is not None:
            script = _script(table, row.owner)
            yield table, [] if row.known == _mark(script, row.state) else script


def _found(connection: sa.Connection) -> dict[str, sa.Row]:
    schemas = [warehouse.MART, operations.OPS]
    rows = connection.execute(_FOUND, {**_NAMES, "policy": _TENANTS, "schemas": schemas})
    return {row.name: row for row in rows}


def _remember(connection: sa.Connection, table: sa.Table) -> None:
    """Store the state after a change as the policy's comment, to detect later changes by others."""
    row = _found(connection)[table.fullname]
    mark = _mark(_script(table, row.owner), row.state)
    connection.exec_driver_sql(f"COMMENT ON POLICY {_TENANTS} ON {table.fullname} IS '{mark}'")


def _mark(script: list[str], state: str) -> str:
    return f"{zlib.crc32(';'.join(script).encode())} {state}"


def _script(table: sa.Table, owner: str) -> list[str]:
    """Return the statements that bring a table to its decision from any previous state."""
    name, access = table.fullname, access_of(table)
    policies = {
        _EVERYBODY: "TO PUBLIC USING (true) WITH CHECK (true)",
        _OWNER: f"AS RESTRICTIVE FOR SELECT TO {owner} USING (({_NOT_FOR_A_TENANT}))",
        _TENANTS: f"AS RESTRICTIVE TO {TENANTS} USING ({access.rows or 'false'})",
    }
    return [
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        *(
            statement
            for policy, rule in policies.items()
            for statement in (f"DROP POLICY IF EXISTS {policy} ON {name}", f"CREATE POLICY {policy} ON {name} {rule}")
        ),
        f"REVOKE ALL ON {name} FROM {TENANTS}",
        f"DROP VIEW IF EXISTS {TENANT}.{table.name}",
        *_let_read(table, access),
    ]


def _let_read(table: sa.Table, access: Access) -> Iterator[str]:
    if access.rows is None:
        return
    columns = [column for column in table.columns if not access.columns or column.name in access.columns]
    listed = ", ".join(quoted(column.name) for column in columns)
    yield f"GRANT SELECT ({listed}) ON {table.fullname} TO {TENANTS}"
    if not access.is_shown:
        return
    view = f"{TENANT}.{table.name}"
    options = "security_barrier, security_invoker"
    yield f"CREATE VIEW {view} WITH ({options}) AS SELECT {listed} FROM {table.fullname} OFFSET 0"
    yield f"GRANT SELECT ON {view} TO {TENANTS}"
    yield f"COMMENT ON VIEW {view} IS {_text(table.comment)}"
    for column in columns:
        yield f"COMMENT ON COLUMN {view}.{quoted(column.name)} IS {_text(column.comment)}"


def _text(comment: str | None) -> str:
    return "'" + (comment or "").replace("'", "''") + "'"
