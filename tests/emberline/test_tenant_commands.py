"""Logins of tenants, made, shown and dropped by the commands, in the embedded PostgreSQL and in one's own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from emberline.cli.commands import app
from emberline.embedded import EmbeddedPostgres, StateFolder
from emberline.embedded.postgres_roles import ADMIN, PIPELINE, let_tenants_in
from pipelines.publish.tenants import BadTenantName, refuse_name
from pipelines.publish.warehouse import Warehouse
from schemas.attribution import UNATTRIBUTED

Run = Callable[..., Result]


@pytest.fixture
def name() -> str:
    return f"tenant_{uuid.uuid4().hex}"


@pytest.fixture
def groups(state_folder: StateFolder, postgres: EmbeddedPostgres) -> Iterator[tuple[str, str]]:
    """Two groups in the warehouse of the server that all workers share."""
    with state_folder.lock("roles"):
        Warehouse(postgres.url(PIPELINE)).prepare()
    made = f"qq:{uuid.uuid4().hex}", f"qq:{uuid.uuid4().hex}"
    with connected(postgres.url(PIPELINE)) as owner:
        for group in made:
            owner.execute("INSERT INTO mart.dim_group (group_id, carrier) VALUES (%s, 'qq')", [group])
    yield made
    with connected(postgres.url(PIPELINE)) as owner:
        owner.execute("DELETE FROM mart.dim_group WHERE group_id = ANY(%s)", [list(made)])


@pytest.fixture
def run(state_folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("EMBERLINE__STATE", str(state_folder.path))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["tenant", *arguments])

    return invoke


def connected(
    url: str, username: str | None = None, password: str | None = None, database: str | None = None
) -> psycopg.Connection:
    address = sa.make_url(url).set(drivername="postgresql", username=username, password=password, database=database)
    return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)


def read_by(url: str, name: str, password: str) -> list[str]:
    with connected(url, username=name, password=password) as tenant:
        return [group for (group,) in tenant.execute("SELECT group_id FROM dim_group ORDER BY 1").fetchall()]


def test_a_tenant_is_made_given_groups_and_dropped(
    run: Run, postgres: EmbeddedPostgres, state_folder: StateFolder, groups: tuple[str, str], name: str,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    first, second = groups
    made = json.loads(run("add", name, "--group", first, "--connections", "2", "--json").stdout)
    assert made["groups"] == [first]
    assert sa.make_url(made["address"]).password is None
    assert read_by(made["address"], name, made["password"]) == [first]

    again = json.loads(run("add", name, "--group", second, "--json").stdout)
    assert again["password"] is None
    assert read_by(made["address"], name, made["password"]) == sorted(groups)
    (listed,) = [one for one in json.loads(run("list", "--json").stdout) if one["tenant"] == name]
    assert listed == {"tenant": name, "connections": 2, "groups": sorted(groups)}

    monkeypatch.setenv("EMBERLINE_TENANT_PASSWORD", "chosen-by-somebody")
    shown = run("add", name, "--new-password").stdout
    assert "chosen-by-somebody" not in shown
    assert f"{name} reads" in shown
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        read_by(made["address"], name, made["password"])
    assert read_by(made["address"], name, "chosen-by-somebody") == sorted(groups)

    assert run("remove", name, "--group", second).stdout == f"{name} reads 1 group fewer.\n"
    with connected(made["address"], username=name, password="chosen-by-somebody") as still_there:
        assert still_there.execute("SELECT group_id FROM dim_group").fetchall() == [(first,)]
        assert run("remove", name).stdout == f"{name} reads 1 group fewer; its login is dropped.\n"
        with pytest.raises(psycopg.OperationalError):
            still_there.execute("SELECT 1")
    with connected(postgres.url(ADMIN)) as server:
        assert server.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount == 0
    log = "".join(file.read_text() for file in (state_folder.path / "postgres" / "log").resolve().iterdir())
    assert made["password"] not in log
    assert "chosen-by-somebody" not in log


@pytest.mark.parametrize("group", [UNATTRIBUTED, "qq:nowhere"])
def test_a_group_that_is_none_is_not_granted_and_leaves_no_login(
    run: Run, postgres: EmbeddedPostgres, groups: tuple[str, str], name: str, group: str
):
    found = run("add", name, "--group", groups[0], "--group", group)
    assert f"UnknownGroups: Nothing was published of {group}." in found.stderr
    with connected(postgres.url(ADMIN)) as server:
        assert server.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount == 0


@pytest.mark.parametrize("name", ["emberline", "emberline_reader", "pg_monitor", "Acme", "a-b", "", "9a", "a" * 64])
def test_names_of_other_roles_and_names_that_need_quotes_are_refused(name: str):
    with pytest.raises(BadTenantName):
        refuse_name(name)


def test_a_login_that_is_no_tenant_is_left_as_it_is(run: Run, postgres: EmbeddedPostgres, name: str):
    with connected(postgres.url(ADMIN)) as server:
        server.execute(f"CREATE ROLE {name} CREATEDB".encode())
        try:
            assert f"BadTenantName: {name} is another login" in run("add", name).stderr
            run("remove", name)
            assert server.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = %s", [name]).fetchone() == (True,)
        finally:
            server.execute(f"DROP ROLE {name}".encode())


def test_in_a_postgresql_of_ones_own_an_administrator_makes_the_login(
    run: Run, postgres: EmbeddedPostgres, database: str, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EMBERLINE__WAREHOUSE__URL", database)
    with connected(database) as owner:
        owner.execute("INSERT INTO mart.dim_group (group_id, carrier) VALUES ('qq:1', 'qq')")
    assert "NoSuchTenant: " in run("add", name, "--group", "qq:1").stderr
    with connected(postgres.url(ADMIN)) as server:
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'mine' CONNECTION LIMIT 3".encode())
        server.execute(f"GRANT emberline_tenant TO {name} WITH INHERIT TRUE, SET FALSE".encode())
        server.execute(f"ALTER ROLE {name} SET search_path = tenant".encode())
        try:
            added = json.loads(run("add", name, "--group", "qq:1", "--json").stdout)
            assert added["password"] is None
            assert read_by(added["address"], name, "mine") == ["qq:1"]
            assert run("remove", name).stdout == f"{name} reads 1 group fewer.\n"
        finally:
            server.execute(f"DROP ROLE {name}".encode())


def test_a_database_without_the_schema_of_tenants_names_the_page(
    run: Run, postgres: EmbeddedPostgres, empty_database: str, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EMBERLINE__WAREHOUSE__URL", empty_database)
    with connected(postgres.url(ADMIN), database=str(sa.make_url(empty_database).database)) as server:
        let_tenants_in(server)
        for schema in ("mart", "staging", "ops"):
            server.execute(f"CREATE SCHEMA {schema} AUTHORIZATION emberline".encode())
        server.execute(f"ALTER DATABASE {sa.make_url(empty_database).database} OWNER TO emberline_admin".encode())
    found = run("add", name, "--group", "qq:1").stderr
    assert "NoTenants: " in found
    assert "let-tenants-read.md" in found
