"""What tenants may read is decided of every table, made when the warehouse is prepared, and mended."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.publish.policies import withdraw_views
from pipelines.publish.warehouse import Warehouse
from schemas import operations, warehouse
from schemas.access import DECIDED, TENANT, access_of

TABLES = {table.fullname: table for table in (*warehouse.metadata.sorted_tables, *operations.metadata.sorted_tables)}
STATE = """
    SELECT n.nspname, c.relname, c.relkind, relrowsecurity, relforcerowsecurity, reloptions, relacl::text,
        (SELECT array_agg(a.attacl::text ORDER BY attnum) FROM pg_attribute AS a WHERE attrelid = c.oid),
        (SELECT array_agg(concat_ws(' ', p.*) ORDER BY policyname) FROM pg_policies AS p
         WHERE p.schemaname = n.nspname AND tablename = c.relname),
        CASE relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE relkind IN ('r', 'v') AND n.nspname IN ('mart', 'ops', 'tenant') ORDER BY 1, 2
"""
DAMAGES = [
    "DROP POLICY emberline_tenants ON mart.group_day",
    "DROP POLICY emberline_owner ON mart.group_day",
    "ALTER POLICY emberline_tenants ON mart.group_day USING (true)",
    "ALTER TABLE mart.group_day DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE mart.group_day NO FORCE ROW LEVEL SECURITY",
    "ALTER VIEW tenant.group_day SET (security_invoker = false)",
    "CREATE OR REPLACE VIEW tenant.dim_currency AS SELECT * FROM mart.dim_currency",
    "GRANT SELECT ON mart.funnel_step TO emberline_tenant",
    "GRANT SELECT (rows_changed) ON mart.publication TO emberline_tenant",
    "GRANT INSERT ON ops.tenant_group TO emberline_tenant",
    "REVOKE USAGE ON SCHEMA tenant FROM emberline_tenant",
    "DROP TABLE mart.group_day CASCADE",
    "DROP SCHEMA tenant CASCADE",
]


def state(url: str) -> list[tuple[Any, ...]]:
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        entered = connection.exec_driver_sql(
            "SELECT oid, has_schema_privilege('emberline_tenant', oid, 'USAGE') FROM pg_namespace "
            "WHERE nspname IN ('mart', 'ops', 'staging', 'tenant') ORDER BY nspname"
        )
        return [(rights,) for _, rights in entered] + [tuple(row) for row in connection.exec_driver_sql(STATE)]


def execute(url: str, *statements: str) -> None:
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("name", TABLES)
def test_of_every_table_it_is_decided_what_tenants_read(name: str):
    assert name in DECIDED, f"{name}: decide in schemas/access.py whether tenants read rows of it"
    access = DECIDED[name]
    columns = TABLES[name].columns.keys()
    assert set(access.columns) <= set(columns)
    if access.rows is None:
        assert access.why
        assert not access.is_shown
    elif "tenant_group" in access.rows:
        assert "group_id" in columns or "subject" in columns


def test_decisions_are_of_tables_that_are_there():
    assert DECIDED.keys() - TABLES.keys() == set()


def test_what_nothing_was_decided_of_is_closed():
    assert access_of(sa.Table("new", sa.MetaData(schema="mart"))).rows is None


def test_every_table_is_under_policies_and_only_what_is_shown_has_a_view(database: str):
    found = state(database)
    secured = {f"{row[0]}.{row[1]}": row[3:5] for row in found if len(row) > 1 and row[2] == "r"}
    assert {name: secured[name] for name in TABLES} == dict.fromkeys(TABLES, (True, True))
    views = {row[1]: row[5] for row in found if len(row) > 1 and row[0] == TENANT}
    assert views.keys() == {TABLES[name].name for name, access in DECIDED.items() if access.is_shown}
    assert {frozenset(options) for options in views.values()} == {
        frozenset({"security_barrier=true", "security_invoker=true"})
    }


def test_what_was_changed_by_hand_is_mended_when_the_warehouse_is_prepared(database: str):
    before = state(database)
    for damage in DAMAGES:
        execute(database, damage)
        assert state(database) != before, damage
        Warehouse(database).prepare()
        assert state(database) == before, damage


def test_where_nothing_was_changed_no_table_is_locked(database: str):
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("SELECT 1 FROM mart.group_day, ops.tenant_group")
        Warehouse(database).prepare()


def test_a_column_that_views_show_can_change_once_they_are_withdrawn(database: str):
    before = state(database)
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        withdraw_views(connection)
        # A revision drops that of staging itself.
        connection.exec_driver_sql("DROP VIEW IF EXISTS staging.group_day")
        connection.exec_driver_sql("ALTER TABLE mart.group_day ALTER messages TYPE numeric")
        connection.exec_driver_sql("ALTER TABLE mart.group_day ALTER messages TYPE bigint")
    Warehouse(database).prepare()
    assert state(database) == before
