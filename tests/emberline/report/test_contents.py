"""What the report reads of the warehouse: equal to the tables it is read from."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from emberline.published import MOST_INTERVENTIONS, interventions_frame
from emberline.report import ReportNotWritten, write_report
from emberline.report.contents import WEEKS, read_contents
from pipelines.groups.followed import LEAST_CASES
from pipelines.publish.warehouse import Warehouse
from schemas import warehouse as mart
from schemas.attribution import MODELS
from tests.emberline.report.synthetic import COMPLETE

THROUGH = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def put(database: str, table: sa.Table, *rows: dict[str, Any]) -> None:
    """Insert rows; numbers that are not given are 0."""
    zeros = {
        column.name: 0
        for column in table.c
        if not column.nullable and isinstance(column.type, sa.Numeric | sa.Float | sa.Integer)
    }
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.insert(table), [{**zeros, **row} for row in rows])


@pytest.fixture
def warehouse(database: str) -> Warehouse:
    put(
        database, mart.publication,
        {"version": 1, "zone": "Asia/Shanghai", "published_at": NOW, "is_synthetic": True, "complete_through": THROUGH},
    )  # fmt: skip
    put(database, mart.dim_group, *({"group_id": group, "carrier": "app"} for group in ("app:a", "app:b")))
    return Warehouse(database)


def test_of_what_was_done_the_newest_are_read_of_each_group(database: str, warehouse: Warehouse):
    days = [THROUGH - dt.timedelta(days=age) for age in range(MOST_INTERVENTIONS + 2)]
    told = {"action": "call", "origin": "noted"}
    rows = [
        {"group_id": group, "intervention_id": str(number), "at": NOW - dt.timedelta(days=number), "day": day, **told}
        for group in ("app:a", "app:b")
        for number, day in enumerate(days)
    ]
    put(database, mart.intervention, *rows)
    found = read_contents(warehouse, MODELS, COMPLETE, None, NOW).done
    newest = days[:MOST_INTERVENTIONS]
    assert found.select("group_id", "day").rows() == [(group, day) for group in ("app:a", "app:b") for day in newest]
    assert interventions_frame(warehouse, "app:b").equals(found.filter(group_id="app:b"), null_equal=True)


def test_weeks_are_counted_back_from_the_last_complete_day(database: str, warehouse: Warehouse):
    chance = random.Random(5)
    days = [THROUGH - dt.timedelta(days=age) for age in range(-3, 7 * WEEKS + 20)]
    rows = [
        {"group_id": group, "day": day, "speakers": chance.randrange(9)} for day in days for group in ("app:a", "app:b")
    ]
    put(database, mart.group_day, *rows)
    expected: Counter[tuple[str, int]] = Counter()
    for row in rows:
        age = (THROUGH - row["day"]).days
        if 0 <= age < 7 * WEEKS:
            expected[row["group_id"], WEEKS - 1 - age // 7] += row["speakers"]
    found = read_contents(warehouse, MODELS, COMPLETE, None, NOW).weeks
    assert dict(expected) == {
        (group, week): n for group, week, n in found.select("group_id", "week", "speakers").iter_rows()
    }


def test_what_followed_an_action_is_shown_from_five_cases_on(database: str, warehouse: Warehouse):
    of_all = {"purpose": "", "is_effect": False}
    cases = {"call": LEAST_CASES, "offer": LEAST_CASES - 1}
    put(database, mart.intervention_effect, *({"action": name, "cases": n, **of_all} for name, n in cases.items()))
    sold = {**of_all, "model": "last_click", "currency": "CNY"}
    put(database, mart.intervention_sales, *({"action": name, "cases": n, **sold} for name, n in cases.items()))
    put(database, mart.dim_currency, {"currency": "CNY", "minor_digits": 2})
    put(database, mart.group_sales, {"model": "last_click", "group_id": "app:a", "currency": "CNY"})
    found = read_contents(warehouse, MODELS, COMPLETE, None, NOW)
    assert (found.effects["action"].to_list(), found.sold_after["action"].to_list()) == (["call"], ["call"])


def test_credit_falls_into_the_week_of_the_business_zone(database: str, warehouse: Warehouse):
    # At 17:00 UTC the next day has begun in Shanghai: the week after, as of which nothing is shown.
    put(database, mart.dim_currency, {"currency": "CNY", "minor_digits": 2})
    put(database, mart.group_sales, {"model": "last_click", "group_id": "app:a", "currency": "CNY", "orders": 1})
    for number, hour in enumerate((15, 17)):
        put(
            database,
            mart.order_credit,
            {
                "credit_id": str(number),
                "order_id": str(number),
                "model": "last_click",
                "shop": "s",
                "currency": "CNY",
                "group_id": "app:a",
                "paid_at": dt.datetime(2026, 2, 22, hour, tzinfo=dt.UTC),
                "net_minor": 250,
            },
        )
    found = read_contents(warehouse, MODELS, COMPLETE, None, NOW).sales_weeks
    assert found.select("week", "orders").rows() == [(WEEKS - 2, 1), (WEEKS - 1, 1)]


def test_a_file_that_cannot_be_written_is_named_with_a_way_out(warehouse: Warehouse, tmp_path):
    with pytest.raises(ReportNotWritten, match="no such folder"):
        write_report(warehouse, COMPLETE, None, tmp_path / "no such folder" / "report.html")


def test_a_folder_of_no_name_is_no_file_to_write(warehouse: Warehouse):
    with pytest.raises(ReportNotWritten, match="Is a directory"):
        write_report(warehouse, COMPLETE, None, Path())


def test_where_a_folder_has_the_name_nothing_is_left_beside_it(warehouse: Warehouse, tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(ReportNotWritten, match="Is a directory"):
        write_report(warehouse, COMPLETE, None, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_the_report_replaces_an_older_one(warehouse: Warehouse, tmp_path):
    file = tmp_path / "report.html"
    file.write_text("older")
    assert write_report(warehouse, COMPLETE, None, file) == file
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [file]
