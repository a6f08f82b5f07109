"""A payload becomes the events of the first case that it meets, or is ignored or rejected with the reason."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
import pytest

from pipelines.carriers.mapping.model import MappingError
from schemas.lake import HEADERS
from tests.pipelines.carriers.mapping.beacon import SENT, beacon, cell, message, rejection, sending

KINDS = beacon(f"""
called: "{{type}}"
cases:
  - when: {{type: ping}}
    ignore: a sign of life
  - when: {{type: message, room: {{present: true}}}}
    emit:{SENT}
  - when: {{type: joined}}
    emit:
      - kind: member.joined
        each: users[]
        when: {{"users[].bot": {{differs: true}}}}
        id: "joined/{{id}}/{{users[].name}}"
        time: {{of: "{{at}}", unit: seconds}}
        group: "{{room}}"
        account: "{{users[].name}}"
      - kind: group.updated
        when: {{title: {{present: true}}}}
        id: "named/{{id}}"
        time: {{of: "{{at}}", unit: seconds}}
        group: "{{room}}"
        group_name: "{{title}}"
""")


def test_the_first_case_that_holds_decides():
    decoded = KINDS.decode([message(type="message"), message(type="ping")])
    assert decoded.events["event_id"].to_list() == ["message/7"]
    assert decoded.ignored.rows() == [(1, "a sign of life")]


def test_what_no_case_is_about_is_ignored_by_its_name():
    decoded = KINDS.decode([message(type="poke"), message(), message(type="message", room="")])
    assert decoded.ignored.rows() == [(0, "unknown poke"), (1, "unknown"), (2, "unknown message")]


def test_a_payload_gives_an_event_for_each_element_of_a_list_and_more():
    users = [{"name": "ann"}, {"name": "hal", "bot": True}, {"name": "bo"}]
    events = KINDS.decode([message(type="message"), message(type="joined", users=users, title="Tea")]).events
    assert events.select("row", "event_id", "position").rows() == [
        (0, "message/7", 0),
        (1, "joined/7/ann", 0),
        (1, "joined/7/bo", 1),
        (1, "named/7", 2),
    ]
    assert events["group_id"].unique().to_list() == ["beacon:1"]


def test_a_case_that_gives_no_event_is_counted():
    assert KINDS.decode([message(type="joined", users=[])]).ignored.rows() == [(0, "nothing to tell")]


def test_the_good_events_of_a_payload_stay_where_one_is_bad():
    decoded = KINDS.decode([message(type="joined", users=[{"name": "ann"}, {"name": None}])])
    assert decoded.events["event_id"].to_list() == ["joined/7/ann"]
    reason, detail = rejection(decoded)
    assert (reason, "users[].name" in detail) == ("missing_field", True)


@pytest.mark.parametrize(
    ("value", "reason", "named"),
    [
        (b"", "empty_value", ""),
        (b"{", "bad_json", ""),
        (b"[]", "invalid_field", "Expected an object, got a list"),
        (b'{"id": "\xff"}', "bad_utf8", ""),
        (b"[" * 100_000, "too_deep", ""),
        (b" " * (2**20 + 1), "too_large", ""),
        (message(id=1.5), "invalid_field", "got a fraction - at id"),
        (message(room=[1]), "invalid_field", "got a list - at room"),
        (message(id=...), "missing_field", "message.sent needs event_id (from message/{id})"),
        (message(by=None), "missing_field", "message.sent needs account_id (from {by})"),
    ],
)
def test_what_is_no_message_is_rejected_with_the_place(value: bytes, reason: str, named: str):
    found, detail = rejection(sending("").decode([value]))
    assert found == reason
    assert named in detail


def test_an_integer_of_any_size_keeps_its_digits():
    assert cell(sending(""), "message_id", message(id=2**53 + 1)) == "9007199254740993"
    assert cell(
        sending(""), "message_id", b'{"id":123456789012345678901234567890,"at":1600000000,"room":1,"by":"a"}'
    ) == ("123456789012345678901234567890")


@pytest.mark.parametrize(
    ("test", "payload", "holds"),
    [
        ("{x: 1}", {"x": 1}, True),
        ("{x: 1}", {"x": "1"}, True),
        ("{x: true}", {"x": True}, True),
        ("{x: [a, b]}", {"x": "b"}, True),
        ("{x: a}", {}, False),
        ("{x: {differs: a}}", {}, True),
        ("{x: {differs: a}}", {"x": "a"}, False),
        ("{x: {present: true}}", {"x": ""}, False),
        ("{x: {present: true}}", {"x": {}}, True),
        ("{x: {present: false}}", {"x": None}, True),
        ("{x: {starts: [wm, wo]}}", {"x": "wo1"}, True),
        ("{x: {ends: '@chatroom'}}", {"x": "1@chatroom"}, True),
        ("{x: {matches: '^[0-9]+$'}}", {"x": "12a"}, False),
        ("{x: {is_a: list}}", {"x": []}, True),
        ("{x: {is_a: text}}", {"x": 1}, False),
        ("{x: a, y: b}", {"x": "a", "y": "c"}, False),
        ("{'x[].y': {present: true}}", {"x": [{}, {"y": 1}]}, True),
        ("{'x[k=1].y': {present: true}}", {"x": [{"k": 2, "y": 1}]}, False),
        ("{'a::json.b': c}", {"a": '{"b": "c"}'}, True),
        ("{'a::json.b': c}", {"a": "no JSON"}, False),
        ("{'a::xml.b.@c': d}", {"a": 'wxid:\n<x><b c="d">e</b></x>'}, True),
        ("{\"'m.x'.y\": z}", {"m.x": {"y": "z"}}, True),
    ],
)
def test_a_condition_is_asked_of_a_place(test: str, payload: dict[str, Any], holds: bool):
    carrier = beacon(f"cases:\n  - when: {test}\n    ignore: it holds\n")
    reason = carrier.decode([msgspec.json.encode(payload)]).ignored["reason"].item()
    assert (reason == "it holds") is holds


@pytest.mark.parametrize(
    ("value", "payload", "expected"),
    [
        ('"{a}-{b}"', {"a": 1, "b": "x"}, "1-x"),
        ('"{a}-{b}"', {"a": 1, "b": ""}, None),
        ('{of: ["{a}", "{b}"]}', {"b": "x"}, "x"),
        ("{of: '{a}', map: {1: one, true: 'yes'}, else: other}", {"a": True}, "yes"),
        ("{of: '{a}', map: {1: one, true: 'yes'}, else: other}", {"a": 2}, "other"),
        ("{of: '{a}', capture: '^([^:]+):'}", {"a": "wxid_1:\nhi"}, "wxid_1"),
        ("{of: '{a}', strip: 'x+'}", {"a": "xaxx"}, "a"),
        ("{of: '{a}', lower: true, pad: 5}", {"a": "AB"}, "000ab"),
        ("{choose: [{when: {a: 1}, is: one}, {is: '{a}'}]}", {"a": 1}, "one"),
        ("{choose: [{when: {a: 1}, is: one}, {is: '{a}'}]}", {"a": 3}, "3"),
        ("'{list[].x}'", {"list": [{}, {"x": "a"}, {"x": "b"}]}, "ab"),
        ("'{list[k=2].x}'", {"list": [{"k": 1, "x": 5}, {"k": 2, "x": 6}, {"k": 2, "x": 7}]}, "6"),
    ],
)
def test_a_value_is_made_of_places(value: str, payload: dict[str, Any], expected: str | None):
    assert cell(sending(f"group_name: {value}"), "group_name", message(**payload)) == expected


def test_a_role_is_a_members_unless_the_payload_says_more():
    carrier = sending("role: {of: '{bot}', map: {true: bot}}")
    assert [cell(carrier, "role", message(bot=bot)) for bot in (True, False, ...)] == ["bot", "member", "member"]


def test_a_key_has_the_platform_in_front_and_may_have_another():
    carrier = sending("linked_account: {of: '{union}', platform: wechat}")
    row = carrier.decode([message(union="u1")]).events.row(0, named=True)
    assert (row["group_id"], row["account_id"], row["linked_account_id"], row["carrier"]) == (
        "beacon:1", "beacon:ann", "wechat:u1", "beacon",
    )  # fmt: skip


def test_a_header_of_the_record_says_what_the_payload_does_not():
    carrier = beacon(f"cases:\n  - when: {{'header:X-Topic': posts}}\n    emit:{SENT}\n  - ignore: no post\n")
    headers = pl.Series([[{"key": "x-topic", "value": b"posts"}], []], dtype=HEADERS)
    decoded = carrier.decode([message(), message()], headers)
    assert (decoded.events["row"].to_list(), decoded.ignored["row"].to_list()) == ([0], [1])


def test_an_order_holds_its_items():
    carrier = sending("""
currency: "{money}"
items:
  each: "lines[]"
  product: "{lines[].sku}"
  quantity: "{lines[].n}"
  amount: {of: "{lines[].price}", unit: major}
""")
    lines = [{"sku": "tea", "n": 2, "price": "3.50"}, {"sku": 9, "price": "1"}]
    values = [message(money="CNY", lines=lines), message(id=8, money="CNY", lines=[]), message(id=9, money="CNY")]
    assert carrier.decode(values).events["items"].to_list() == [
        [
            {"product_id": "tea", "quantity": 2, "amount_minor": 350},
            {"product_id": "9", "quantity": None, "amount_minor": 100},
        ],
        None,
        None,
    ]
    broken = carrier.decode([message(money="CNY", lines=[{"sku": "tea", "price": "dear"}])])
    assert rejection(broken)[0] == "invalid_field"


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ("cases: []\nwhatever: 1", "whatever"),
        ("cases: [{when: {'a[': 1}, ignore: x}]", "a["),
        ("cases: [{when: {a: {matches: '@nobody'}}, ignore: x}]", "nobody"),
        ("cases: [{emit: [{kind: message.sent}]}]", "id"),
        ("cases: [", "YAML"),
    ],
)
def test_a_mapping_that_says_what_it_may_not_is_refused(rest: str, named: str):
    with pytest.raises(MappingError, match=f"(?s){named}".replace("[", r"\[")):
        beacon(rest)
