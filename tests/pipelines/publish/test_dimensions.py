"""Rows of the dimensions, as analysts join them."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from pipelines.publish.dimensions import (
    carrier_rows,
    currency_rows,
    date_rows,
    group_rows,
    person_rows,
    purpose_rows,
)
from pipelines.publish.rows import exclusion_rows, with_amounts
from schemas.lake import (
    CUSTOMER_ORDER,
    FEED_DAY,
    FIRST_SEEN,
    FUNNEL_ENTRY,
    GROUP,
    MEMBER_STATE,
    PAYLOAD_CENSUS,
    PERSON_VALUE,
    SPEND_DAY,
    LakeTable,
)
from schemas.warehouse import person_value

MONDAY = dt.date(2025, 3, 3)
DAY = dt.timedelta(days=1)
NOON = dt.datetime(2025, 3, 3, 12, tzinfo=dt.UTC)


def stored(table: LakeTable, *rows: dict[str, object]) -> pl.LazyFrame:
    """Rows of a lake table; columns not named are null."""
    filled = [{name: row.get(name) for name in table.columns} for row in rows]
    return pl.LazyFrame(filled, schema=table.schema)


def keyed(rows: pl.LazyFrame) -> dict[str, dict[str, object]]:
    found = rows.collect()
    return {row[found.columns[0]]: row for row in found.iter_rows(named=True)}


GROUPS = stored(
    GROUP,
    {"group_id": "qq:1", "carrier": "qq", "purpose": "sales"},
    {"group_id": "qq:2", "carrier": "qq"},
    {"group_id": "our_app:1", "carrier": "our_app", "purpose": "book club"},
)


def test_a_currency_has_the_digits_of_its_minor_unit_and_an_unknown_one_has_none():
    credits, spend = (pl.LazyFrame({"currency": used}) for used in (["KWD", "CNY", "ZZZ", "CNY"], ["JPY", "CNY"]))
    assert currency_rows(credits, spend).sort("currency").collect().rows() == [
        ("CNY", "Yuan Renminbi", 2),
        ("JPY", "Yen", 0),
        ("KWD", "Kuwaiti Dinar", 3),
        ("ZZZ", None, None),
    ]


def test_sales_of_no_group_have_a_row_among_the_groups():
    found = keyed(group_rows(GROUPS))
    assert found.keys() == {"qq:1", "qq:2", "our_app:1", "unattributed"}
    assert found["unattributed"]["carrier"] == "unknown"


def test_carriers_and_purposes_are_there_once_and_what_is_not_known_is_one_of_them():
    assert {key: row["name"] for key, row in keyed(carrier_rows(GROUPS)).items()} == {
        "qq": "QQ", "our_app": "our_app", "unknown": "unknown"
    }  # fmt: skip
    purposes = keyed(purpose_rows(GROUPS))
    assert {key: row["is_standard"] for key, row in purposes.items()} == {
        "sales": True, "book club": False, "unknown": False
    }  # fmt: skip


@pytest.mark.parametrize("year", [2024, 2025])
def test_the_days_of_the_years_are_all_there(year: int):
    days = stored(FEED_DAY, {"day": dt.date(year, 12, 31)})
    found = date_rows(days, stored(SPEND_DAY, {"day": dt.date(year, 2, 28)})).collect()
    first = dt.date(year, 1, 1)
    expected = [first + number * DAY for number in range((dt.date(year + 1, 1, 1) - first).days)]
    assert found["day"].to_list() == expected
    for row in found.iter_rows(named=True):
        day = row["day"]
        assert row == {
            "day": day,
            "week": day - day.weekday() * DAY,
            "month": day.replace(day=1),
            "quarter": dt.date(year, 3 * ((day.month - 1) // 3) + 1, 1),
            "year": year,
            "month_number": day.month,
            "iso_week": day.isocalendar().week,
            "weekday": day.isoweekday(),
            "weekday_name": day.strftime("%A"),
            "is_weekend": day.isoweekday() > 5,
        }


def test_a_company_without_events_has_no_days_and_nobody_but_the_unknown_person():
    assert date_rows(stored(FEED_DAY), stored(SPEND_DAY)).collect().is_empty()
    nothing = [stored(table) for table in (FIRST_SEEN, MEMBER_STATE, PERSON_VALUE, CUSTOMER_ORDER, FUNNEL_ENTRY)]
    assert [*keyed(person_rows(*nothing))] == ["unknown"]


def test_a_person_is_seen_first_where_they_were_active_first_and_is_as_engaged_as_in_their_best_group():
    firsts = [
        {"person_id": "p", "group_id": "qq:2", "first_time": NOON, "first_day": MONDAY},
        {"person_id": "p", "group_id": "qq:1", "first_time": NOON + DAY, "first_day": MONDAY + DAY},
    ]
    states = [
        {"person_id": "p", "group_id": "qq:2", "state": "disengaged", "is_consistent": True, "is_vital": False,
         "last_active_day": MONDAY},
        {"person_id": "p", "group_id": "qq:1", "state": "active", "is_consistent": False, "is_vital": False,
         "last_active_day": MONDAY + DAY},
        {"person_id": "lurker", "group_id": "qq:1", "state": "lurker", "is_consistent": False, "is_vital": False},
    ]  # fmt: skip
    values = [
        {"person_id": "p", "currency": "CNY", "orders": 1, "net_minor": 500},
        {"person_id": "p", "currency": "EUR", "orders": 2, "net_minor": 900},
    ]
    rows = person_rows(
        stored(FIRST_SEEN, *firsts),
        stored(MEMBER_STATE, *states),
        stored(PERSON_VALUE, *values),
        stored(CUSTOMER_ORDER, {"person_id": "p"}, {"person_id": "p"}, {"person_id": None}, {"person_id": "new"}),
        stored(FUNNEL_ENTRY, {"person_id": "joined"}),
    )
    found = keyed(rows)
    assert found.keys() == {"p", "lurker", "new", "joined", "unknown"}
    assert (
        found["p"].items()
        >= {
            "first_seen_on": MONDAY,
            "first_group_id": "qq:2",
            "last_active_on": MONDAY + DAY,
            "memberships": 2,
            "engagement": "active",
            "is_consistent": True,
            "is_vital": False,
            "is_buyer": True,
            "currency": "EUR",
            "orders": 2,
            "net_minor": 900,
        }.items()
    )
    assert {name for name, row in found.items() if row["is_buyer"]} == {"new", "p"}
    assert (found["lurker"]["engagement"], found["lurker"]["first_seen_on"]) == ("lurker", None)
    assert (found["joined"]["memberships"], found["joined"]["engagement"]) == (0, None)


def test_amounts_are_exact_in_units_of_their_currency():
    most = 2**62
    rows = pl.LazyFrame(
        {"currency": ["CNY", "JPY", "KWD", "ZZZ"], "net_minor": [most, most, 1, 5]},
        schema_overrides={"net_minor": pl.Int64},
    )
    amounts = with_amounts(rows, person_value).collect().select("currency", "net_amount")
    exact = {"CNY": Decimal(most) / 100, "JPY": Decimal(most), "KWD": Decimal("0.001"), "ZZZ": None}
    assert dict(amounts.iter_rows()) == exact


def test_records_that_are_no_events_are_counted_by_day_topic_and_reason():
    counted = {"day": MONDAY, "topic": "raw.qq", "kind": ""}
    census = stored(
        PAYLOAD_CENSUS,
        counted | {"subject": "ignored", "name": "a sign of life", "records": 2, "batch": 0},
        counted | {"subject": "ignored", "name": "a sign of life", "records": 3, "batch": 7},
        counted | {"subject": "quarantined", "name": "not JSON", "records": 1, "batch": 7},
        counted | {"subject": "records", "name": "", "records": 90, "batch": 7},
    )
    assert exclusion_rows(census).sort("kind").collect().rows() == [
        (MONDAY, "raw.qq", "ignored", "a sign of life", 5),
        (MONDAY, "raw.qq", "quarantined", "not JSON", 1),
    ]
