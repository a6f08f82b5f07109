"""Fault 28: whoever reads goes beyond what they may. A tenant tries all that PostgreSQL lets a login try.

Every table of the warehouse holds a row of the tenant's group and rows of another one, whose values are secrets that
stand out. Whatever PostgreSQL answers, rows, errors, notices or plans, is searched for them.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors, sql
from sqlalchemy.dialects.postgresql import JSONB

from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import ADMIN, PIPELINE, READER, guard
from emberline.embedded.postgres_tenants import TenantLimits, create_login, drop_login
from pipelines.publish.tenants import Tenants
from schemas import operations, warehouse
from schemas.access import DECIDED, TENANTS, access_of
from tests.conftest import database_of

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OWN, OTHERS = "qq:own", "SECRET-group"
TABLES = (*warehouse.metadata.sorted_tables, *operations.metadata.sorted_tables)
SHOWN = sorted(name.partition(".")[2] for name, access in DECIDED.items() if access.rows and access.is_shown)
BY_GROUP = [table.name for table in TABLES if table.name in SHOWN and "group_id" in table.columns]
CLOSED = sorted(name for name, access in DECIDED.items() if access.rows is None)
LINES = (Path(__file__).parent / "tenant_attacks.sql").read_text().splitlines()
PASSWORD = "of-this-test-only"

SECRET = re.compile(r"SECRET|98765432|1999-|date\w*\(1999|\b31999\b")
"""What stands in the other group's rows, by type, and nowhere else."""
SECRETS: dict[type, Any] = {
    sa.SmallInteger: 31_999,
    sa.Integer: 987_654_321,
    sa.BigInteger: 987_654_321,
    sa.Numeric: 98_765_432_109_876,
    sa.Double: 0.987654321,
    sa.Date: dt.date(1999, 9, 9),
    sa.DateTime: dt.datetime(1999, 9, 9, tzinfo=dt.UTC),
    sa.Boolean: True,
    JSONB: {"SECRET": "SECRET"},
}
PLAIN: dict[type, Any] = {
    sa.SmallInteger: 1,
    sa.Integer: 1,
    sa.BigInteger: 1,
    sa.Numeric: 1,
    sa.Double: 0.5,
    sa.Date: NOW.date(),
    sa.DateTime: NOW,
    sa.Boolean: False,
    JSONB: {},
}


@dataclass(frozen=True)
class Place:
    """A warehouse with a tenant in it, and how its parties get in."""

    url: str
    tenant: str
    connect: Callable[[str], psycopg.Connection]


def filled(table: sa.Table, values: dict[type, Any], text: str, group: str) -> dict[str, Any]:
    """A row of a table: values by type, texts that name their column."""
    row = {}
    for column in table.columns:
        kind = next((kind for kind in type(column.type).__mro__ if kind in values), None)
        if column.identity is None:
            row[column.name] = values[kind] if kind else f"{text}-{column.name}"
    if "group_id" in row:
        row["group_id"] = group
    if table is operations.alert:
        row |= {"rule": "group_dying", "subject": group}
    return row


def fill(url: str, tenant: str) -> None:
    """Give every table a row of the tenant's group and one of the others', of which one table has many days."""
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        for table in TABLES:
            own, others = filled(table, PLAIN, "plain", OWN), filled(table, SECRETS, "SECRET", OTHERS)
            if table in (operations.alert_action, operations.alert_notice):
                connection.execute(
                    sa.insert(table).values(
                        {**others, "alert_id": sa.select(sa.func.max(operations.alert.c.alert_id)).scalar_subquery()}
                    )
                )
            elif access_of(table).rows is None:
                connection.execute(sa.insert(table), [others])
            elif table is operations.tenant_group:
                connection.execute(sa.insert(table), [{**own, "tenant": tenant}, others])
            elif table is warehouse.publication:
                connection.execute(
                    sa.insert(table),
                    [{**others, "version": 1, "published_at": NOW, "complete_through": NOW.date(), "zone": "UTC"}],
                )
            else:
                # The calendar is everybody's.
                rows = [own] if table is warehouse.dim_date else [own, others]
                connection.execute(sa.insert(table), rows)
        many = [
            {**filled(warehouse.group_day, SECRETS, "SECRET", OTHERS), "day": dt.date(1999, 1, 1) + dt.timedelta(days)}
            for days in range(200)
        ]
        connection.execute(sa.insert(warehouse.group_day), many)
        connection.execute(sa.text("CREATE TABLE staging.group_day_new AS TABLE mart.group_day"))
        connection.execute(sa.text("CREATE SCHEMA dagster"))
        connection.execute(sa.text("CREATE TABLE dagster.runs AS SELECT 'SECRET' AS body"))
    with sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text("ANALYZE"))


@pytest.fixture(scope="module")
def place(postgres: EmbeddedPostgres, prepared_template: str) -> Iterator[Place]:
    """One warehouse for all attacks, closed as that of the embedded PostgreSQL is."""
    tenant = f"tenant_{uuid.uuid4().hex}"
    with database_of(postgres, prepared_template) as url:
        name = str(sa.make_url(url).database)

        def connect(role: str) -> psycopg.Connection:
            address = sa.make_url(url).set(drivername="postgresql")
            if role != "owner":
                login = {"admin": ADMIN, "reader": READER}.get(role)
                address = sa.make_url(postgres.url(login)) if login else address.set(username=role, password=PASSWORD)
                address = address.set(drivername="postgresql", database=name)
            return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)

        with connect("admin") as admin:
            for rights in ("REVOKE ALL ON DATABASE {} FROM PUBLIC", "GRANT CONNECT ON DATABASE {} TO {}, {}"):
                parties = (sql.Identifier(one) for one in (name, TENANTS, READER.role))
                admin.execute(sql.SQL(rights).format(*parties))
            guard(admin, PIPELINE)
            create_login(admin, tenant, TenantLimits(connections=4, statement_seconds=60), PASSWORD)
        fill(url, tenant)
        yield Place(url, tenant, connect)
        with connect("admin") as admin:
            drop_login(admin, tenant)


@pytest.fixture(scope="module")
def tenant(place: Place) -> Iterator[psycopg.Connection]:
    with place.connect(place.tenant) as connection:
        # Whoever attacks lifts what they may lift.
        connection.execute("SET default_transaction_read_only = off")
        yield connection


def answers(connection: psycopg.Connection, statement: str) -> str:
    """All that PostgreSQL says to a statement, or to several of one transaction."""
    said: list[object] = []

    def handler(notice: psycopg.errors.Diagnostic) -> None:
        said.append((notice.message_primary, notice.message_detail))

    connection.add_notice_handler(handler)
    try:
        with connection.transaction(), connection.cursor() as cursor:
            for part in filter(None, map(str.strip, statement.split(";;"))):
                if part.startswith("COPY") and "TO STDOUT" in part:
                    with cursor.copy(part.encode()) as copy:
                        said.extend(bytes(block).decode() for block in copy)
                    continue
                cursor.execute(part.encode())
                if cursor.description:
                    said.extend(cursor.fetchall())
    except psycopg.Error as error:
        said.append((str(error), error.diag.message_primary, error.diag.message_detail, error.diag.message_hint))
    finally:
        connection.remove_notice_handler(handler)
    return "\n".join(map(str, said))


ATTACKS = [
    *(f"SELECT * FROM mart.{name}" for name in SHOWN),
    *(f"SELECT * FROM {name}" for name in CLOSED),
    *(f"COPY mart.{name} TO STDOUT" for name in SHOWN),
    *(f"COPY {name} TO STDOUT" for name in CLOSED),
    *(f"SELECT * FROM {name}" for name in SHOWN),
    *(f"SELECT t::text FROM {name} AS t" for name in SHOWN),
    *(f"COPY (SELECT * FROM {name}) TO STDOUT" for name in SHOWN),
    *(f"SELECT * FROM {name} WHERE group_id = '{OTHERS}'" for name in BY_GROUP),
    *(f"SELECT row_to_json(t) FROM {name} AS t WHERE group_id <> '{OWN}'" for name in BY_GROUP),
    *(line for line in LINES if line and not line.startswith("--")),
]


@pytest.mark.parametrize("statement", ATTACKS)
def test_fault_28_a_tenant_reads_nothing_of_other_groups(tenant: psycopg.Connection, statement: str):
    asked_for = statement.replace(OTHERS, "")
    found = answers(tenant, statement).replace(OTHERS, "") if OTHERS in statement else answers(tenant, statement)
    assert SECRET.findall(found) == [], f"{asked_for}\n{found}"


PROBES = [
    *(("group_day", "group_id", value) for value in (OTHERS, "nobody")),
    *(("group_day", "messages", value) for value in (987_654_321, 123_456_789)),
    *(("group_day", "day", value) for value in (dt.date(1999, 1, 5), dt.date(2030, 1, 5))),
    *(("order_credit", "person_id", value) for value in ("SECRET-person_id", "nobody")),
]


def test_fault_28_plans_do_not_differ_with_what_others_have(tenant: psycopg.Connection):
    plans: dict[tuple[str, str, str], set[str]] = {}
    for table, column, value in PROBES:
        for operator in ("=", ">", "<"):
            query = sql.SQL("EXPLAIN SELECT DISTINCT t FROM {} AS t WHERE {} " + operator + " {}")
            rows = tenant.execute(query.format(sql.Identifier(table), sql.Identifier(column), value)).fetchall()
            plan = re.sub(r"'[^']*'|\d{6,}", "?", "\n".join(line for (line,) in rows))
            plans.setdefault((table, column, operator), set()).add(plan)
    assert {probe: found for probe, found in plans.items() if len(found) > 1} == {}


def test_fault_28_a_view_with_the_rights_of_the_owner_shows_a_tenant_nothing(place: Place, tenant: psycopg.Connection):
    with place.connect("owner") as owner:
        owner.execute("CREATE VIEW tenant.careless AS SELECT * FROM mart.dim_group")
        owner.execute("GRANT SELECT ON tenant.careless TO emberline_tenant")
        assert owner.execute("SELECT count(*) FROM tenant.careless").fetchone() == (2,)
    try:
        assert tenant.execute("SELECT * FROM careless").fetchall() == []
        with place.connect("admin") as admin:
            assert admin.execute("SELECT count(*) FROM tenant.careless").fetchone() == (2,)
    finally:
        with place.connect("owner") as owner:
            owner.execute("DROP VIEW tenant.careless")


def test_a_tenant_reads_the_rows_of_its_groups_in_every_view(place: Place, tenant: psycopg.Connection):
    listed = "SELECT relname FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind = 'v'"
    assert sorted(name for (name,) in tenant.execute(listed)) == SHOWN
    for name in SHOWN:
        assert tenant.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() == (1,), name
    assert tenant.execute("SELECT group_id, name FROM dim_group").fetchall() == [(OWN, "plain-name")]
    assert tenant.execute("SELECT obj_description('group_day'::regclass)").fetchone() == (warehouse.group_day.comment,)


@pytest.mark.parametrize("role", ["owner", "reader"])
def test_pipeline_and_reader_read_every_row_as_before(place: Place, role: str):
    with place.connect(role) as connection:
        connection.execute("SET enable_seqscan = off")
        assert connection.execute("SELECT count(*) FROM mart.group_day").fetchone() == (202,)
        assert connection.execute("SELECT count(*) FROM mart.dim_group").fetchone() == (2,)
        plan = "\n".join(
            line for (line,) in connection.execute("EXPLAIN SELECT * FROM mart.group_day WHERE day = '1999-01-05'")
        )
        assert "ix_group_day_day" in plan
        if role == "reader":
            assert "current_user" not in plan.lower()


def test_groups_are_granted_and_withdrawn_at_once(place: Place, tenant: psycopg.Connection):
    tenants = Tenants(place.url)
    tenants.grant(place.tenant, [OTHERS], "somebody", NOW)
    assert tenant.execute("SELECT count(*) FROM group_day").fetchone() == (202,)
    assert tenants.withdraw(place.tenant, [OTHERS]) == 1
    assert tenant.execute("SELECT count(*) FROM group_day").fetchone() == (1,)


def test_a_tenant_is_limited(place: Place):
    with place.connect(place.tenant) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("statement_timeout", "temp_file_limit", "search_path", "default_transaction_read_only")
        }
        assert [value for found in shown.values() for value in found or ()] == ["1min", "1000000kB", "tenant", "on"]
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SET temp_file_limit = -1")
    others = [place.connect(place.tenant) for _ in range(3)]
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        others += [place.connect(place.tenant), place.connect(place.tenant)]
    for connection in others:
        connection.close()
