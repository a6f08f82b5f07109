"""Group days count members' activity and show the company's beside it."""

import pytest
from hypothesis import given

from pipelines.groups.group_day import group_day
from schemas.lake import GROUP_DAY
from tests.pipelines.engagement.frames import Row, at, complete, event_rows, events, rows_of
from tests.pipelines.groups import group_oracle

NOON = at("2025-03-03 12:00")


def counts(*rows: Row) -> dict[str, int]:
    """The counts of the only day that are not zero."""
    day = group_day(events(*({"account_id": "ann", "time": NOON, **row} for row in rows)))
    row = day.drop("group_id", "day", "month", "source", "coverage", "membership").collect().row(0, named=True)
    return {name: count for name, count in row.items() if count}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, {"speakers": 1, "active_members": 1, "messages": 1}),
        ({"reply_to": "m"}, {"speakers": 1, "active_members": 1, "messages": 1, "replies": 1}),
        ({"type": "reaction.added"}, {"active_members": 1, "reactions": 1}),
        ({"type": "reaction.removed"}, {}),
        ({"type": "member.joined"}, {"joined": 1}),
        ({"type": "member.joined", "role": "operator"}, {}),
        ({"type": "member.left"}, {"left": 1}),
        ({"type": "link.clicked"}, {"clicks": 1}),
        ({"role": "operator"}, {"operator_messages": 1}),
        ({"role": "operator", "product_id": "p"}, {"operator_messages": 1, "product_messages": 1}),
        ({"role": "bot", "message_kind": "broadcast"}, {"bot_messages": 1}),
        ({"message_kind": "red_packet", "product_id": "p"}, {"product_messages": 1}),
        ({"type": "product.viewed", "product_id": "p"}, {}),
        ({"type": "group.updated", "account_id": None}, {}),
    ],
    ids=str,
)
def test_an_event_counts_where_it_belongs(row: Row, expected: dict[str, int]):
    assert counts(row) == expected


def test_joining_twice_is_one_person_joined():
    assert counts({"type": "member.joined"}, {"type": "member.joined"}) == {"joined": 1}


def test_two_accounts_of_one_person_are_one_speaker():
    other = {"account_id": "ann'", "person_id": "ann"}
    assert counts({}, other) == {"speakers": 1, "active_members": 1, "messages": 2}


@pytest.mark.parametrize(
    ("rows", "source"),
    [
        ([{"source": "b"}, {"source": "a"}], "a"),
        ([{"source": "b"}, {"source": "a", "type": "order.paid"}, {"source": "a", "type": "link.clicked"}], "b"),
        ([{"source": "a", "type": "order.paid"}], None),
    ],
    ids=["the first by name", "not the shop's", "none but the shop's"],
)
def test_the_source_is_a_connector_of_the_groups_chat(rows: list[Row], source: str | None):
    day = group_day(events(*({"account_id": "ann", "time": NOON, **row} for row in rows)))
    assert rows_of(day, "source") == {(source,)}


def test_an_event_of_no_group_makes_no_day():
    order = {"type": "order.paid", "account_id": "ann", "time": NOON, "group_id": None}
    assert rows_of(group_day(events(order))) == set()


def test_the_schema_is_that_of_the_table():
    assert group_day(events()).collect().schema == GROUP_DAY.schema


@given(event_rows())
def test_group_days_equal_the_oracle_in_any_row_order(rows: list[Row]):
    assert rows_of(group_day(events(*rows))) == group_oracle.group_day(complete(rows))
