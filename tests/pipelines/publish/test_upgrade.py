"""Revisions of the warehouse's structure: from nothing, and from what older versions made, rows kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import DAGSTER, READER
from pipelines.alerts.ledger import AlertLedger
from pipelines.publish import upgrade, views
from pipelines.publish.errors import UpgradeFailed, WarehouseNewer
from pipelines.publish.examine import examine_warehouse
from pipelines.publish.references import declare, is_reference
from pipelines.publish.warehouse import Warehouse
from schemas import operations, warehouse
from schemas.warehouse import DATA_TABLES
from tests.docs.pages import ROOT
from tests.pipelines.publish.company import NOON, NOTHING_LATE, UNGUARDED, frames, known, load, prepared_at_once

OLD = (Path(__file__).parent / "warehouse_0_1_0.sql").read_text()
OURS = (warehouse.MART, operations.OPS)


@pytest.fixture
def old(empty_database: str) -> str:
    """The URL of a warehouse that version 0.1.0 made and filled."""
    with connect(empty_database) as connection:
        connection.execute(OLD.encode())
    return empty_database


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


@contextmanager
def opened(url: str) -> Iterator[sa.Connection]:
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        yield connection


def deviations(url: str) -> list[Any]:
    """What Alembic would change, comments, defaults and types among it."""
    with opened(url) as connection:
        options: dict[str, Any] = {
            "version_table_schema": operations.OPS,
            "include_schemas": True,
            "include_name": lambda name, kind, _: not is_reference(name) and (kind != "schema" or name in OURS),
            "compare_server_default": True,
            "target_metadata": [warehouse.metadata, operations.metadata],
        }
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, options["target_metadata"])


def structure(url: str) -> dict[str, set[tuple[Any, ...]]]:
    """Columns, constraints and indexes by PostgreSQL's own words: Alembic compares no keys."""
    queries = {
        "columns": "SELECT table_schema, table_name, column_name, data_type, numeric_precision, numeric_scale, "
        "is_nullable, column_default, is_identity, identity_generation FROM information_schema.columns "
        "WHERE table_schema IN ('mart', 'ops') AND table_name <> 'alembic_version'",
        "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace::regnamespace::text IN ('mart', 'ops') AND conrelid <> 'ops.alembic_version'::regclass "
        # That a column has a value is told by the column; the name of this constraint is PostgreSQL's.
        "AND contype <> 'n'",
        "indexes": "SELECT indexdef FROM pg_indexes "
        "WHERE schemaname IN ('mart', 'ops') AND tablename <> 'alembic_version'",
        "comments": "SELECT objoid::regclass::text, objsubid, description FROM pg_description "
        "WHERE objoid IN (SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text IN ('mart', 'ops')) "
        "AND objsubid = 0 AND objoid <> 'ops.alembic_version'::regclass",
        "sequences": "SELECT sequence_schema, sequence_name FROM information_schema.sequences",
    }
    with opened(url) as connection:
        return {name: {tuple(row) for row in connection.execute(sa.text(query))} for name, query in queries.items()}


def rows(url: str, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """The rows of tables of `mart` in these columns, as text, by table."""
    with opened(url) as connection:
        queries = {
            name: sa.select(*(sa.cast(sa.column(one), sa.Text) for one in those)).select_from(
                sa.table(name, schema="mart")
            )
            for name, those in columns.items()
        }
        return {name: sorted(map(repr, connection.execute(query))) for name, query in queries.items()}


def columns_of(url: str) -> dict[str, list[str]]:
    with opened(url) as connection:
        inspector = sa.inspect(connection)
        return {
            name: [column["name"] for column in inspector.get_columns(name, "mart")]
            for name in inspector.get_table_names("mart")
        }


def revision(url: str) -> str | None:
    with opened(url) as connection:
        return upgrade.revision_of(connection)


def alembic(url: str, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Alembic as its command in the checkout is set up."""
    monkeypatch.setenv("EMBERLINE__WAREHOUSE__URL", url)
    monkeypatch.chdir(ROOT)
    return Config(toml_file=ROOT / "pyproject.toml")


def test_alembic_from_nothing_makes_what_the_contract_declares(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.upgrade(alembic(empty_database, monkeypatch), "head")
    assert deviations(empty_database) == []
    command.check(alembic(empty_database, monkeypatch))


def test_revisions_make_the_same_as_the_metadata(
    database: str, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(empty_database) as connection:
        for schema in OURS:
            connection.execute(sa.schema.CreateSchema(schema))
        for metadata in (warehouse.metadata, operations.metadata):
            metadata.create_all(connection)
        connection.execute(sa.text("CREATE TABLE ops.alembic_version ()"))
        views.declare(connection)
        declare(connection)
    assert structure(database) == structure(empty_database)


def test_the_revisions_are_one_line_and_named_by_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = ScriptDirectory.from_config(alembic("", monkeypatch))
    assert [script.revision for script in scripts.walk_revisions()][::-1] == upgrade.known_revisions()


def test_a_warehouse_of_0_1_0_keeps_its_rows_and_is_published_to_again(old: str) -> None:
    columns = columns_of(old)
    before = rows(old, columns)
    with opened(old) as connection:
        fired = connection.execute(sa.text("SELECT * FROM ops.group_alert")).one()

    Warehouse(old).prepare()

    assert rows(old, columns) == before
    assert deviations(old) == []
    group, stale, failed = AlertLedger(old).entries(only_open=False)
    assert (group.alert.rule, group.alert.opened_at) == (fired.rule, fired.opened_at)
    assert (stale.alert.rule, stale.alert.known.reason) == ("data_stale", "mart is 3 hours behind.")
    assert stale.alert.known.details == {"next_step": "See the newest run."}
    assert (failed.alert.rule, failed.alert.resolved_at) == ("run_failed", NOON + dt.timedelta(hours=1))

    target = Warehouse(old)
    load(target, frames())
    published = target.publish(DATA_TABLES, known=known(3), late=NOTHING_LATE, guard=UNGUARDED, now=NOON)
    assert (published.version, published.is_new) == (3, True)
    # It came back to what it was before the second version, and that is what was changed by this one.
    assert published.restated == {"group_day": 1}
    history = target.read(warehouse.restatement).sort("version").select("version", "before", "after").rows()
    assert [version for version, _, _ in history] == [2, 3]
    assert history[0][1:] == history[1][:0:-1]


def test_alembic_upgrades_a_warehouse_of_0_1_0(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command.upgrade(alembic(old, monkeypatch), "head")
    assert deviations(old) == []


def test_a_warehouse_that_was_made_before_there_were_revisions_is_taken_up_where_it_stands(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.upgrade(alembic(empty_database, monkeypatch), "0002")
    with connect(empty_database) as connection:
        connection.execute("DROP TABLE ops.alembic_version")
    Warehouse(empty_database).prepare()
    assert (revision(empty_database), deviations(empty_database)) == (upgrade.known_revisions()[-1], [])


def test_who_might_read_a_table_that_is_renamed_may_read_it_afterwards(old: str, postgres: EmbeddedPostgres) -> None:
    with connect(old) as connection:
        connection.execute(f"GRANT USAGE ON SCHEMA ops TO {READER.role}".encode())
        connection.execute(f"GRANT SELECT ON ops.group_alert TO {READER.role}".encode())
    Warehouse(old).prepare()
    reader = sa.make_url(postgres.url(READER)).set(database=sa.make_url(old).database)
    with connect(reader.render_as_string(hide_password=False)) as connection:
        assert len(connection.execute("SELECT rule FROM ops.alert").fetchall()) == 3


def test_several_that_upgrade_at_once_wait_for_each_other(old: str) -> None:
    assert not prepared_at_once(old)
    assert len(AlertLedger(old).entries(only_open=False)) == 3


def test_a_warehouse_of_a_newer_version_is_refused_and_left_alone(database: str) -> None:
    with connect(database) as connection:
        connection.execute("UPDATE ops.alembic_version SET version_num = '9999'")
        connection.execute("COMMENT ON TABLE mart.group_day IS 'of the newer version'")
    with pytest.raises(WarehouseNewer, match=r"9999[\s\S]*Install the version"):
        Warehouse(database).prepare()
    with opened(database) as connection:
        assert sa.inspect(connection).get_table_comment("group_day", "mart")["text"] == "of the newer version"
    assert [(found.subject, found.health) for found in examine_warehouse(database, None)][-1] == ("structure", "broken")


def test_an_older_warehouse_is_told_as_such_and_not_touched(old: str) -> None:
    *_, found = examine_warehouse(old, None)
    assert (found.subject, found.health) == ("structure", "warning")
    assert "0001" in found.found
    assert revision(old) == "0001"


def test_a_table_in_use_stops_the_upgrade_as_a_whole(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "_LONGEST_WAIT", "50ms")
    with connect(old) as reader:
        reader.execute("SELECT * FROM mart.person_value")
        with pytest.raises(UpgradeFailed, match=r"lock timeout[\s\S]*End the session"):
            Warehouse(old).prepare()
    assert revision(old) == "0001"
    with opened(old) as connection:
        assert not sa.inspect(connection).has_table("dim_currency", "mart")
    Warehouse(old).prepare()


def test_a_view_of_somebody_else_that_is_in_the_way_is_named(old: str) -> None:
    with connect(old) as connection:
        connection.execute("CREATE VIEW public_value AS SELECT net_minor FROM mart.person_value")
    with pytest.raises(UpgradeFailed, match=r"public_value[\s\S]*Drop the view"):
        Warehouse(old).prepare()


def test_who_does_not_own_the_tables_is_told_who_can_upgrade_them(old: str, postgres: EmbeddedPostgres) -> None:
    other = sa.make_url(postgres.url(DAGSTER)).set(database=sa.make_url(old).database)
    with pytest.raises(UpgradeFailed, match=r"permission denied[\s\S]*owner"):
        Warehouse(other.render_as_string(hide_password=False)).prepare()
