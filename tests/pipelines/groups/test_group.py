"""The table of groups tells what their newest events said."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.birth import births
from pipelines.groups.group import group_table
from schemas.lake import GROUP
from tests.examples import examples
from tests.pipelines.engagement.frames import Row, at, complete, events, rows_of
from tests.pipelines.groups import group_oracle

CREATED, UPDATED, CLOSED = "group.created", "group.updated", "group.closed"
SILENT: Row = {
    "account_id": None,
    "group_name": None,
    "group_purpose": None,
    "group_operators": None,
    "group_planned_end": None,
}


def hour(number: int) -> dt.datetime:
    """An hour of the first day."""
    return at("2025-03-03 00:00") + dt.timedelta(hours=number)


def only(column: str, *rows: Row) -> object:
    """The value of a column in the only group; the rows happen an hour after each other."""
    timed = [{"time": hour(number), **row} for number, row in enumerate(rows)]
    table = group_table(events(*timed), births(events(*timed))).collect()
    return table[column].item()


@pytest.mark.parametrize(
    ("column", "told", "expected"),
    [
        ("name", [{"group_name": "old"}, {"group_name": "new"}], "new"),
        ("name", [{"group_name": "old"}, {"group_name": None}], "old"),
        ("purpose", [{"group_purpose": "sales"}, {"group_purpose": "service"}], "service"),
        ("planned_end", [{"group_planned_end": hour(9)}, {"group_planned_end": hour(8)}], hour(8)),
    ],
)
def test_the_newest_value_that_was_given_holds(column: str, told: list[Row], expected: object):
    assert only(column, *({"type": UPDATED, **row} for row in told)) == expected


def test_the_first_creation_is_the_creation():
    assert only("created_at", {"type": CREATED}, {"type": CREATED}) == hour(0)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([CREATED, CLOSED], hour(1)),
        ([CLOSED, UPDATED], hour(0)),
        ([CLOSED, CLOSED], hour(0)),
        ([CLOSED, CREATED], None),
        ([CLOSED, CREATED, CLOSED], hour(2)),
    ],
    ids=str,
)
def test_only_creation_opens_a_closed_group_again(types: list[str], expected: dt.datetime | None):
    assert only("closed_at", *({"type": kind} for kind in types)) == expected


def test_operators_are_those_of_the_newest_list():
    lists = [["app:o", "app:p", "app:q"], ["app:o", "app:p", "app:p"]]
    assert only("operators", *({"type": UPDATED, "group_operators": each} for each in lists)) == 2


def test_operators_are_those_seen_where_none_is_listed():
    seen = [{"role": "operator", "account_id": who} for who in ("o", "p", "o")]
    assert only("operators", *seen, {"account_id": "member"}) == 2


def test_an_empty_list_lists_nobody():
    told = {"type": UPDATED, "group_operators": []}
    assert only("operators", {"role": "operator", "account_id": "o"}, told) == 1


def test_who_notes_something_about_a_group_is_no_operator_of_it():
    assert only("operators", {"type": "group.intervention", "role": "operator", "account_id": "o"}) == 0


def test_a_group_that_only_an_order_names_is_a_group():
    order = {"type": "order.paid", "account_id": "ann", "group_id": "wecom:a:b", "carrier": "shop"}
    assert only("carrier", order) == "wecom"


def test_a_birth_stands_beside_its_group():
    rows = [{"account_id": who, "time": hour(1)} for who in ("ann", "bob", "cem", "dan")]
    assert only("born_at", *rows) == hour(1)


def test_the_schema_is_that_of_the_table():
    assert group_table(events(), births(events())).collect().schema == GROUP.schema


@st.composite
def group_rows(draw: st.DrawFn) -> list[Row]:
    """Rows that create, tell about and close two groups, many at the same time."""
    row: st.SearchStrategy[Row] = st.fixed_dictionaries(
        {
            "type": st.sampled_from([CREATED, UPDATED, CLOSED, CLOSED, "message.sent"]),
            "role": st.sampled_from(["member", "operator"]),
            "group_id": st.sampled_from(["app:g", "qq:h", None]),
            "account_id": st.sampled_from(["ann", "bob"]),
            "group_name": st.sampled_from([None, "x", "y"]),
            "group_purpose": st.sampled_from([None, "sales", "service"]),
            "group_operators": st.sampled_from([None, [], ["app:o"], ["app:o", "app:p", "app:o"]]),
            "group_planned_end": st.sampled_from([None, hour(1), hour(2)]),
            "time": st.integers(0, 3).map(hour),
        }
    )
    rows = draw(st.lists(row, max_size=10))
    for place, each in zip(draw(st.permutations(range(len(rows)))), rows, strict=True):
        each["offset"], each["position"] = divmod(place, 3)
        if each["type"] == "message.sent":
            each |= {name: None for name in SILENT if name != "account_id"}
    return rows


@examples(200)
@given(group_rows())
def test_groups_equal_the_oracle_in_any_row_order(rows: list[Row]):
    unborn = pl.LazyFrame(schema=births(events()).collect_schema())
    assert rows_of(group_table(events(*rows), unborn)) == group_oracle.group(complete(rows))
