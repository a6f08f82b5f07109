"""Dagster's records live in the warehouse's PostgreSQL: what that one refuses is told like any other refusal of it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster_postgres
import pytest
import sqlalchemy as sa

from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import ADMIN
from emberline.instance import InstallationUnfit, InstanceFailed, dagster_instance
from emberline.services import Services
from emberline.settings import Settings, WarehouseSettings
from pipelines.publish.errors import PrepareFailed, WarehouseUnreachable
from pipelines.publish.warehouse import Warehouse


@pytest.fixture
def admin(postgres: EmbeddedPostgres, empty_database: str) -> str:
    """The database's URL for the administrator."""
    database = sa.make_url(empty_database).database
    return sa.make_url(postgres.url(ADMIN)).set(database=database).render_as_string(hide_password=False)


@pytest.fixture
def poor(admin: str, empty_database: str) -> Iterator[str]:
    """The database's URL for a role that may connect to it and nothing more."""
    role = f"poor_{uuid.uuid4().hex}"
    execute(admin, f"CREATE ROLE {role} LOGIN PASSWORD 'poor'")
    yield sa.make_url(empty_database).set(username=role, password="poor").render_as_string(hide_password=False)
    execute(admin, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def services(tmp_path: Path, url: str) -> Services:
    return Services(Settings(state=tmp_path / "state", warehouse=WarehouseSettings(url=url)))  # type: ignore[arg-type]


def execute(url: str, *statements: str) -> None:
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_a_role_that_may_not_create_a_schema_is_told_what_to_let_it(tmp_path: Path, poor: str):
    with pytest.raises(InstanceFailed, match=r"permission denied for database[^*]*\n.*\nNext: .*create schemas"):
        dagster_instance(services(tmp_path, poor)).__enter__()


def test_a_role_that_may_not_write_dagsters_schema_is_told_what_to_let_it(tmp_path: Path, admin: str, poor: str):
    execute(admin, "CREATE SCHEMA dagster")
    with pytest.raises(InstanceFailed, match=r"(?s)no schema has been selected.*Next: .*own the schema dagster"):
        dagster_instance(services(tmp_path, poor)).__enter__()


def test_a_role_without_rights_to_create_works_in_a_schema_that_was_made_for_it(tmp_path: Path, admin: str, poor: str):
    execute(admin, f"CREATE SCHEMA dagster AUTHORIZATION {sa.make_url(poor).username}")
    with dagster_instance(services(tmp_path, poor)) as instance:
        assert instance.get_run_records(limit=1) == []


@pytest.mark.parametrize("changed", [{"password": "wrong"}, {"port": 1}, {"database": "absent"}])
def test_a_warehouse_that_lets_nobody_in_is_told_as_such(tmp_path: Path, poor: str, changed: dict):
    url = sa.make_url(poor).set(**changed).render_as_string(hide_password=False)
    with pytest.raises(WarehouseUnreachable, match=r"(?s)Next: .*port, user, password and"):
        dagster_instance(services(tmp_path, url)).__enter__()


def test_a_role_that_may_not_create_works_in_a_warehouse_that_another_has_prepared(empty_database: str, poor: str):
    with pytest.raises(PrepareFailed):
        Warehouse(poor).prepare()
    Warehouse(empty_database).prepare()
    execute(empty_database, f"GRANT USAGE ON SCHEMA mart, staging, ops TO {sa.make_url(poor).username}")
    Warehouse(poor).prepare()


def test_an_installation_that_dagster_cannot_make_tables_from_is_named(
    tmp_path: Path, empty_database: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dagster_postgres, "__file__", "/srv/100 %/dagster_postgres/__init__.py")
    with pytest.raises(InstallationUnfit, match=r"has: %\nWhere: /srv/100 %/dagster_postgres\nNext: Install"):
        dagster_instance(services(tmp_path, empty_database)).__enter__()
