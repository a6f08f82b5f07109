"""A canonical event's fields land in the columns of the event schema."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipelines.carriers.base import DECODED_SCHEMA
from pipelines.carriers.cloudevents import CloudEvents
from tests.pipelines.canonical import NOON, encoded, message

ADAPTER = CloudEvents()


def fields(event: dict[str, Any]) -> dict[str, Any]:
    """The columns of an event that are not null."""
    decoded = ADAPTER.decode([encoded(event)])
    assert decoded.rejected.is_empty()
    return {name: value for name, value in decoded.events.row(0, named=True).items() if value is not None}


def test_an_event_that_says_everything_fills_every_column():
    data = {
        "member_id": "app:ann",
        "role": "operator",
        "message_id": "m",
        "message_kind": "product",
        "reply_to": "r",
        "text_length": 5,
        "links": 1,
        "mentions": 2,
        "product_id": "p",
        "order_id": "o",
        "total_minor": 2**62,
        "currency": "CNY",
        "items": [{"product_id": "p", "quantity": 2, "amount_minor": 100}, {"product_id": "q"}],
        "linked_id": "shop:ann",
        "name": "Group",
        "purpose": "sales",
        "operators": ["app:bob", "app:cem"],
        "members": [{"id": "app:bob", "role": "operator"}, {"id": "app:dan"}],
        "planned_end": "2026-01-01T00:00:00+08:00",
        "intervention": "call",
        "intervention_note": "We called Bob.",
    }
    assert fields(message(data)) == {
        "row": 0,
        "source": "bridge",
        "event_id": "e1",
        "type": "message.sent",
        "time": NOON,
        "carrier": "app",
        "group_id": "app:g",
        "account_id": "app:ann",
        "role": "operator",
        "message_id": "m",
        "message_kind": "product",
        "reply_to": "r",
        "text_length": 5,
        "links": 1,
        "mentions": 2,
        "product_id": "p",
        "order_id": "o",
        "amount_minor": 2**62,
        "currency": "CNY",
        "linked_account_id": "shop:ann",
        "group_name": "Group",
        "group_purpose": "sales",
        "group_operators": ["app:bob", "app:cem"],
        "group_planned_end": dt.datetime(2025, 12, 31, 16, tzinfo=dt.UTC),
        "items": [
            {"product_id": "p", "quantity": 2, "amount_minor": 100},
            {"product_id": "q", "quantity": None, "amount_minor": None},
        ],
        "members": [{"id": "app:bob", "role": "operator"}, {"id": "app:dan", "role": "member"}],
        "intervention": "call",
        "intervention_note": "We called Bob.",
        "time_quality": "exact",
        "position": 0,
    }


def test_an_event_that_says_nothing_fills_the_envelope_and_the_role():
    heartbeat = message(type="feed.heartbeat", subject=..., data={"message_id": ..., "member_id": ...})
    assert fields(heartbeat) == {
        "row": 0,
        "source": "bridge",
        "event_id": "e1",
        "type": "feed.heartbeat",
        "time": NOON,
        "role": "member",
        "time_quality": "exact",
        "position": 0,
    }


@pytest.mark.parametrize(
    ("subject", "group", "expected"),
    [("app:s", "qq:g", "qq:g"), ("app:s", None, "app:s"), (None, "qq:g", "qq:g"), (None, None, None)],
)
def test_the_group_is_the_payloads_and_else_the_subject(subject: str | None, group: str | None, expected: str | None):
    assert fields(message({"group_id": group}, subject=subject)).get("group_id") == expected


@pytest.mark.parametrize(
    ("member", "customer", "expected"),
    [("app:m", "shop:c", "app:m"), ("app:m", None, "app:m"), (None, "shop:c", "shop:c"), (None, None, None)],
)
def test_the_account_is_the_members_and_else_the_customers(member: str | None, customer: str | None, expected: str):
    assert fields(message({"member_id": member, "customer_id": customer})).get("account_id") == expected


@pytest.mark.parametrize(
    ("subject", "member", "expected"),
    [("wecom:g:1", "app:m", "wecom"), (None, "shop.eu:c", "shop.eu"), (None, None, None)],
)
def test_the_carrier_is_that_of_the_group_and_else_of_the_account(
    subject: str | None, member: str | None, expected: str | None
):
    assert fields(message({"member_id": member}, subject=subject)).get("carrier") == expected


def test_rows_are_numbered_by_their_place_among_all_values():
    decoded = ADAPTER.decode([b"{", encoded(message()), b"", encoded(message(id="e2"))])
    assert decoded.events.select("row", "event_id").rows() == [(1, "e1"), (3, "e2")]
    assert decoded.rejected["row"].to_list() == [0, 2]


def test_no_values_are_no_events_in_the_columns_of_the_contract():
    assert ADAPTER.decode([]).events.schema == DECODED_SCHEMA
