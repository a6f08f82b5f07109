"""Preparing, staging and reading; what each says when it cannot."""

import polars as pl
import pytest
import sqlalchemy as sa

from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import DAGSTER
from pipelines.publish.errors import (
    PrepareFailed,
    ReadFailed,
    StagingFailed,
    StagingMismatch,
    UnsupportedWarehouse,
    WarehouseOutdated,
    WarehouseUnreachable,
)
from pipelines.publish.staging import staged
from pipelines.publish.warehouse import Warehouse
from schemas.warehouse import DATA_TABLES, publication, restatement
from tests.pipelines.publish.company import COMPANY, frame, frames, prepared_at_once, table

GROUPS = frame("dim_group", COMPANY["dim_group"])
UNREACHABLE = "postgresql+psycopg://user:hush-hush@127.0.0.1:1/emberline"


@pytest.fixture
def database(empty_warehouse: Warehouse) -> str:
    """Nothing is staged here."""
    return empty_warehouse.url


def test_a_prepared_warehouse_has_every_table_and_its_comments(database: str) -> None:
    inspector = sa.inspect(sa.create_engine(database, poolclass=sa.NullPool))
    there = {name: inspector.get_table_comment(name, "mart")["text"] for name in inspector.get_table_names("mart")}
    assert there == {t.name: t.comment for t in (*DATA_TABLES, publication, restatement)}


def test_preparing_again_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.stage(table("dim_group"), GROUPS)
    warehouse.prepare()
    assert warehouse.read(staged(table("dim_group"))).height == 3


def test_preparing_from_several_places_at_once_works(empty_database: str) -> None:
    assert not prepared_at_once(empty_database)


def execute(database: str, statement: str) -> None:
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text(statement))


def test_every_column_has_its_comment_in_postgresql(database: str) -> None:
    inspector = sa.inspect(sa.create_engine(database, poolclass=sa.NullPool))
    there = {
        (schema, name, column["name"]): column.get("comment")
        for schema in ("mart", "ops")
        for name in inspector.get_table_names(schema)
        for column in inspector.get_columns(name, schema)
    }
    assert [place for place, comment in there.items() if not comment] == []


def test_preparing_brings_a_comment_up_to_date(database: str, warehouse: Warehouse) -> None:
    execute(database, "COMMENT ON COLUMN mart.group_day.day IS 'stale'")
    warehouse.prepare()
    inspector = sa.inspect(sa.create_engine(database, poolclass=sa.NullPool))
    comments = {column["name"]: column.get("comment") for column in inspector.get_columns("group_day", "mart")}
    assert comments["day"] == table("group_day").c.day.comment


def test_a_table_whose_columns_were_dropped_is_named_with_the_way_to_have_it_made_again(
    database: str, warehouse: Warehouse
) -> None:
    execute(database, "ALTER TABLE mart.group_day DROP COLUMN clicks CASCADE")
    with pytest.raises(WarehouseOutdated, match=r"clicks[\s\S]*mart\.group_day[\s\S]*DROP TABLE mart") as caught:
        warehouse.prepare()
    assert "Another version" not in str(caught.value)
    execute(database, "DROP TABLE mart.group_day CASCADE")
    warehouse.prepare()


def test_a_table_of_ops_whose_columns_were_dropped_is_not_to_be_dropped(database: str, warehouse: Warehouse) -> None:
    execute(database, "ALTER TABLE ops.alert DROP COLUMN reason CASCADE")
    with pytest.raises(WarehouseOutdated, match=r"reason[\s\S]*ops\.alert[\s\S]*backup"):
        warehouse.prepare()


def test_a_table_that_another_version_made_is_told_as_such(database: str, warehouse: Warehouse) -> None:
    execute(database, "DROP TABLE mart.group_day CASCADE")
    execute(database, "CREATE TABLE mart.group_day (group_id text)")
    with pytest.raises(WarehouseOutdated, match=r"mart\.group_day[\s\S]*Another version"):
        warehouse.prepare()


def test_preparing_without_the_right_to_says_so(postgres: EmbeddedPostgres, empty_database: str) -> None:
    url = sa.make_url(postgres.url(DAGSTER)).set(database=sa.make_url(empty_database).database)
    with pytest.raises(PrepareFailed, match="permission denied"):
        Warehouse(url.render_as_string(hide_password=False)).prepare()


def test_every_value_survives_staging(warehouse: Warehouse) -> None:
    for name, rows in frames().items():
        warehouse.stage(table(name), rows)
        assert warehouse.read(staged(table(name))).equals(rows)


def test_staging_replaces_what_was_staged(warehouse: Warehouse) -> None:
    warehouse.stage(table("dim_group"), GROUPS)
    assert warehouse.stage(table("dim_group"), GROUPS.head(1)) == 1
    assert warehouse.read(staged(table("dim_group"))).height == 1


def test_an_empty_table_can_be_staged(warehouse: Warehouse) -> None:
    assert warehouse.stage(table("dim_group"), GROUPS.clear()) == 0


def test_narrower_types_and_another_order_of_columns_are_taken(warehouse: Warehouse) -> None:
    narrow = frames()["group_day"].cast({pl.Int64: pl.UInt32})
    warehouse.stage(table("group_day"), narrow.select(reversed(narrow.columns)).lazy())
    assert warehouse.read(staged(table("group_day"))).equals(frames()["group_day"])


@pytest.mark.parametrize(
    ("broken", "column", "told"),
    [
        (GROUPS.drop("carrier"), "carrier", "missing"),
        (GROUPS.with_columns(extra=1), "extra", "not a column of the table"),
        (GROUPS.with_columns(pl.col("operators").cast(pl.Int64)), "operators", "Int64 where Int32 is wanted"),
        (GROUPS.with_columns(pl.col("created_at").dt.replace_time_zone(None)), "created_at", "Datetime"),
    ],
    ids=["a missing column", "an unknown column", "a wider integer", "a time without zone"],
)
def test_a_frame_that_does_not_fit_is_refused(
    warehouse: Warehouse, broken: pl.DataFrame, column: str, told: str
) -> None:
    with pytest.raises(StagingMismatch, match=f"{column}: {told}") as caught:
        warehouse.stage(table("dim_group"), broken)
    assert caught.value.columns == (column,)
    assert "staging.dim_group" in str(caught.value)


def test_rows_that_postgresql_refuses_leave_the_staged_ones(warehouse: Warehouse) -> None:
    warehouse.stage(table("dim_group"), GROUPS)
    with pytest.raises(StagingFailed, match=r"staging\.dim_group"):
        warehouse.stage(table("dim_group"), GROUPS.with_columns(name=pl.lit("nul \0 byte")))
    assert warehouse.read(staged(table("dim_group"))).equals(GROUPS)


def test_a_sum_is_read_as_an_integer(warehouse: Warehouse) -> None:
    warehouse.stage(table("group_day"), frames()["group_day"])
    twin = staged(table("group_day"))
    assert warehouse.read(sa.select(sa.func.sum(twin.c.messages).label("messages"))).rows() == [(10,)]


def test_a_query_that_postgresql_refuses_is_told(empty_database: str) -> None:
    with pytest.raises(ReadFailed, match=r"mart\.dim_group"):
        Warehouse(empty_database).read(table("dim_group"))


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg2", "sqlite"])
def test_another_driver_is_refused_before_connecting(driver: str) -> None:
    with pytest.raises(UnsupportedWarehouse, match=r"postgresql\+psycopg://"):
        Warehouse(f"{driver}://user:hush-hush@127.0.0.1/emberline")


@pytest.mark.parametrize("call", ["prepare", "stage", "read"])
def test_an_unreachable_warehouse_is_named_without_its_password(call: str) -> None:
    warehouse = Warehouse(UNREACHABLE)
    calls = {
        "prepare": warehouse.prepare,
        "stage": lambda: warehouse.stage(table("dim_group"), GROUPS),
        "read": lambda: warehouse.read(table("dim_group")),
    }
    with pytest.raises(WarehouseUnreachable, match=r"127\.0\.0\.1") as caught:
        calls[call]()
    assert "hush-hush" not in str(caught.value)
