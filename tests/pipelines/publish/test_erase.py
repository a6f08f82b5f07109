"""Erased persons are found in any text of a database, and neither dead rows nor statistics keep them."""

from __future__ import annotations

import json

import polars as pl
import pytest
import sqlalchemy as sa

from pipelines.events.pseudonym import Pseudonyms
from pipelines.events.suppression import Suppression
from pipelines.publish.database import Database, Refused
from pipelines.publish.erase import all_rows_naming, clear_statistics, delete_rows, mask_rows, rewrite, text_tables
from pipelines.publish.errors import ReadFailed
from tests.pipelines.events.test_suppression import KEY, listed

ACCOUNT = "app:ann-7731"
HERS = Pseudonyms(KEY).of(ACCOUNT)
OTHER = Pseudonyms(KEY).of("app:bob-2203")
READING = Refused(ReadFailed, "")


@pytest.fixture
def erased() -> Suppression:
    return listed(ACCOUNT)


@pytest.fixture
def place(empty_database: str) -> Database:
    """A database with one table of texts of every kind, and one that names nobody."""
    database = Database(empty_database)
    with database.transaction(READING) as connection:
        connection.execute(sa.text("CREATE SCHEMA told"))
        connection.execute(sa.text('CREATE TABLE told.texts (number int, plain text, "as" jsonb, list text[])'))
        connection.execute(sa.text("CREATE TABLE told.others (number int, plain text)"))
        connection.execute(sa.text("INSERT INTO told.others VALUES (1, :bob)"), {"bob": OTHER})
        rows = [
            (1, f"Person {HERS} has 51 accounts.", "{}", "{}"),
            (2, OTHER, json.dumps({"who": ACCOUNT, "n": 3}), "{}"),
            (3, OTHER, "{}", f"{{{HERS},x}}"),
            (4, OTHER, "{}", "{}"),
            *((5, HERS, "{}", "{}") for _ in range(50)),
        ]
        insert = sa.text("INSERT INTO told.texts VALUES (:a, :b, CAST(:c AS jsonb), CAST(:d AS text[]))")
        connection.execute(insert, [dict(zip("abcd", row, strict=True)) for row in rows])
    with database.transaction(READING, "AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE told.texts"))
    return database


def held(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.transaction(READING) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_rows_are_found_in_every_kind_of_text(place, erased):
    ((table, rows),) = all_rows_naming(place, ["told"], erased)
    assert str(table) == "told.texts"
    assert rows.height == 53
    assert list(all_rows_naming(place, ["told"], Suppression(KEY))) == []


def test_names_are_masked_and_the_rest_of_a_row_stays(place, erased):
    ((table, rows),) = all_rows_naming(place, ["told"], erased)
    mask_rows(place, table, rows, erased, [ACCOUNT])
    assert list(all_rows_naming(place, ["told"], erased)) == []
    shown = held(place, 'SELECT plain, "as", list FROM told.texts WHERE number < 4 ORDER BY number')
    assert shown == [
        ("Person erased has 51 accounts.", {}, []),
        (OTHER, {"who": "erased", "n": 3}, []),
        (OTHER, {}, ["erased", "x"]),
    ]


def test_neither_dead_rows_nor_statistics_keep_a_deleted_person(place, erased):
    ((table, rows),) = all_rows_naming(place, ["told"], erased)
    delete_rows(place, table, rows)
    statistics = "SELECT 1 FROM pg_stats WHERE schemaname = 'told' AND most_common_vals::text LIKE '%{}%'"
    assert held(place, statistics.format(HERS))
    rewrite(place, [table])
    assert clear_statistics(place, ["told"], erased) == []
    assert not held(place, statistics.format(HERS))
    assert held(place, "SELECT number FROM told.texts") == [(4,)]
    assert held(place, "SELECT pg_relation_size('told.texts') <= 8192") == [(True,)]


def test_the_statistics_of_an_emptied_table_are_dropped(place, erased):
    with place.transaction(READING) as connection:
        connection.execute(sa.text("DELETE FROM told.texts"))
    (table,) = [one for one in text_tables(place, ["told"]) if one.name == "texts"]
    rewrite(place, [table])
    statistics = f"SELECT 1 FROM pg_stats WHERE most_common_vals::text LIKE '%{HERS}%'"
    assert held(place, statistics)
    clear_statistics(place, ["told"], erased)
    assert not held(place, statistics)


def test_statistics_are_dropped_that_row_level_security_hides_from_the_owner(place, erased):
    with place.transaction(READING) as connection:
        connection.execute(sa.text("ALTER TABLE told.texts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"))
        connection.execute(sa.text("ANALYZE told.texts"))
    statistics = f"SELECT 1 FROM pg_stats WHERE most_common_vals::text LIKE '%{HERS}%'"
    assert not held(place, statistics)
    clear_statistics(place, ["told"], erased)
    forced = "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'told.texts'::regclass"
    assert held(place, forced) == [(True,)]
    with place.transaction(READING) as connection:
        connection.execute(sa.text("ALTER TABLE told.texts NO FORCE ROW LEVEL SECURITY"))
    assert not held(place, statistics)


def test_a_large_table_is_read_in_parts(place, erased):
    with place.transaction(READING) as connection:
        connection.execute(sa.text("INSERT INTO told.others SELECT n, 'x' FROM generate_series(1, 120000) AS n"))
        connection.execute(sa.text("INSERT INTO told.others VALUES (0, :hers)"), {"hers": HERS})
    found = {str(table): rows for table, rows in all_rows_naming(place, ["told"], erased)}
    assert found["told.others"]["plain"].equals(pl.Series("plain", [HERS]))
