"""What Dagster is told of a table: the version of its rows moves when they do, and not when a refresh only looked."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path

import pytest

from assets.tables import asset, materialized, published
from pipelines.lake import Lake
from pipelines.refresh import refresh_feed_days
from schemas.lake import EVENTS, FEED_DAY, GROUP_HEALTH, RAW, TABLES
from schemas.warehouse import DATA_TABLES
from tests.pipelines.canonical import NOON, encoded, ingest, land, message, records

A_DAY = dt.timedelta(days=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def say(lake: Lake, *days: int, first: int) -> None:
    """A message on each of the days, counted from a Monday; the offset of the first is given."""
    events = [encoded(message(id=f"{first} {day}", time=(NOON + day * A_DAY).isoformat())) for day in days]
    land(lake, records(events, offsets=range(first, first + len(events)), kafka_time=NOON + 9 * A_DAY))
    ingest(lake)


def told(lake: Lake):
    return materialized(lake, FEED_DAY, asdict(refresh_feed_days(lake)))


def test_the_version_of_the_data_moves_with_the_rows_and_not_with_what_left_them(lake: Lake):
    say(lake, 0, first=0)
    first = told(lake)
    say(lake, 0, first=1)  # another event of the same day
    again = told(lake)
    say(lake, 1, first=2)
    last = told(lake)
    assert first.data_version == again.data_version != last.data_version
    assert [(one.metadata or {})["dagster/row_count"] for one in (first, again, last)] == [1, 1, 2]


def test_a_table_that_is_no_fact_has_a_version_that_moves_with_what_is_written(lake: Lake):
    say(lake, 0, first=0)
    before = materialized(lake, EVENTS, {}).data_version
    assert materialized(lake, EVENTS, {}).data_version == before
    say(lake, 1, first=1)
    assert materialized(lake, EVENTS, {}).data_version != before


def test_a_fact_shows_the_settings_and_the_version_of_the_code_it_depends_on():
    shown = asset(GROUP_HEALTH)
    assert shown["code_version"] == str(GROUP_HEALTH.code_version)
    assert "groups.dead_after_days" in shown["metadata"]["settings"]
    assert asset(RAW)["code_version"] is None


def test_the_columns_of_a_warehouse_table_say_their_unit_and_how_they_add_up():
    (sales,) = (published(table) for table in DATA_TABLES if table.name == "group_sales")
    columns = {column.name: column for column in sales["metadata"]["dagster/column_schema"].columns}
    assert columns["paid_minor"].tags == {"unit": "minor units of currency", "adds up": "within model and currency"}
    assert columns["buyers"].tags["adds up"] == "never"
    assert "From [group_sales.paid_minor](/assets/group_sales)" in columns["paid_minor"].description
    assert sales["deps"] == ["group_sales"]
    assert TABLES["group_sales"].made_of["paid_minor"] == TABLES["order_credit"].of("paid_minor")
