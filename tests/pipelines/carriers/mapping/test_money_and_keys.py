"""Amounts, keys and marks in the mapping language, each by a carrier of a few lines."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from pipelines.carriers.base import Decoded
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.carriers.mapping.model import parse_mapping
from pipelines.carriers.texts import Texts

TEXTS = Texts(b"key")
MESSAGE = {"id": 7, "room": 1, "author": 3, "at": 1767222000}
ORDER = {"id": 7, "by": 3, "at": 1767222000, "currency": "usd"}


def carrier(case: str, head: str = "") -> MappedCarrier:
    """A carrier with one case."""
    return MappedCarrier(
        parse_mapping(
            f"""
name: beacon
title: Beacon
platform: beacon
coverage: full
membership: none
time_quality: second
{head}
cases:
{case}
""",
            "test",
        )
    )


def message(columns: str, head: str = "") -> MappedCarrier:
    return carrier(
        f"""
  - emit:
      - kind: message.sent
        id: "{{id}}"
        time: {{of: "{{at}}", unit: seconds}}
        group: "{{room}}"
        account: "{{author}}"
        message_id: "{{id}}"
        {columns}
""",
        head,
    )


def order(columns: str) -> MappedCarrier:
    return carrier(f"""
  - emit:
      - kind: order.paid
        id: "{{id}}"
        time: {{of: "{{at}}", unit: seconds}}
        account: "{{by}}"
        order: "{{id}}"
        currency: {{of: "{{currency}}", upper: true}}
        {columns}
""")


def decoded(carrier: MappedCarrier, payload: dict[str, Any]) -> Decoded:
    return carrier.decode([msgspec.json.encode(payload)])


def only(carrier: MappedCarrier, payload: dict[str, Any]) -> dict[str, Any]:
    return decoded(carrier, payload).events.row(0, named=True)


def test_a_whole_key_in_the_payload_brings_its_platform():
    keyed = order(
        """amount: "{total}"
        group: {of: "{from}", capture: ":(.+)", platform: {of: "{from}", capture: "^([^:]+):"}}"""
    )

    event = only(keyed, {**ORDER, "total": 100, "from": "qq:20001"})

    assert (event["group_id"], event["account_id"]) == ("qq:20001", "beacon:3")


def test_marks_of_a_platform_stay_where_the_text_was():
    marked = message(
        """reply_to: {of: ["{text}", "{text.marks}"], capture: "<q:([0-9]+)>"}
        text: {of: text, markup: tags, marks: ["<q:[0-9]+>", "<@[0-9]+>"]}""",
    )
    payload = {**MESSAGE, "text": "<q:5>hello <@3> and <@4>"}

    (measured,) = marked.measured([msgspec.json.encode(payload)], TEXTS)

    assert msgspec.json.decode(measured)["text"]["marks"] == "<q:5> <@3> <@4>"
    assert marked.decode([measured]).events.equals(decoded(marked, payload).events)
    event = only(marked, payload)
    assert (event["reply_to"], event["text_length"]) == ("5", 11)


def test_nothing_is_captured_of_a_text_that_was_withheld():
    marked = message('reply_to: {of: ["{text}", "{text.marks}"], capture: "<q:([0-9]+)>"}', "texts: [text]")

    (measured,) = marked.measured([msgspec.json.encode({**MESSAGE, "text": "hello"})], TEXTS)

    assert marked.decode([measured]).events["reply_to"].to_list() == [None]


def test_json_that_is_percent_encoded_in_a_string_is_read():
    paid = order('amount: "{msg::url::json.total}"')

    assert only(paid, {**ORDER, "msg": "%7B%22total%22%3A+900%7D"})["amount_minor"] == 900


@pytest.mark.parametrize(
    ("written", "minor"),
    [(56.97000000000001, 5697), ("56.97", 5697), (27.4999999999, 2750), (30, 3000), ("0.005", 1), ("0.00499999", 0)],
)
def test_a_sum_that_a_browser_made_is_rounded(written: object, minor: int):
    paid = order('amount: {of: "{total}", unit: major, rounded: true}')

    assert only(paid, {**ORDER, "total": written})["amount_minor"] == minor


def test_a_sum_that_is_not_rounded_has_no_more_digits_than_its_currency():
    refused = decoded(order('amount: {of: "{total}", unit: major}'), {**ORDER, "total": "56.971"}).rejected

    assert "56.971 is not an amount in major units of USD" in refused["detail"].item()


@pytest.mark.parametrize("total", [-1, "-0.01", "-5", 2**63 - 1])
def test_an_amount_below_zero_or_beyond_all_money_is_rejected(total: object):
    unit = "major" if isinstance(total, str) else "minor"
    refused = decoded(order(f'amount: {{of: "{{total}}", unit: {unit}}}'), {**ORDER, "total": total}).rejected

    assert refused["reason"].item() == "invalid_field"


def test_an_amount_that_is_missing_is_named_by_its_place():
    refused = decoded(order('amount: {of: "{total}", unit: major}'), ORDER).rejected

    assert refused.row(0) == (0, "missing_field", "order.paid needs amount_minor (from {total})")


@pytest.mark.parametrize("currency", ["dollars", "us", "US1", "USD\n"])
def test_a_currency_that_is_no_code_is_rejected(currency: str):
    refused = decoded(order('amount: "{total}"'), {**ORDER, "currency": currency, "total": 5}).rejected

    assert "not a currency code" in refused["detail"].item()


def test_an_amount_may_depend_on_the_currency():
    stripe = order(
        """amount:
          of:
            choose:
              - {when: {currency: isk}, is: {of: "{total}", capture: "^([0-9]+)00$"}}
              - {is: "{total}"}"""
    )

    assert only(stripe, {**ORDER, "currency": "isk", "total": 500})["amount_minor"] == 5
    assert only(stripe, {**ORDER, "total": 500})["amount_minor"] == 500


@pytest.mark.parametrize(("before", "minor"), [(0, 1500), (400, 1100), (None, 1500), ("absent", 1500)])
def test_of_a_running_sum_only_what_came_on_top_counts(before: object, minor: int):
    refunded = order('amount: {of: "{sum}", less: "{before}"}')
    said = {} if before == "absent" else {"before": before}

    assert only(refunded, {**ORDER, "sum": 1500, **said})["amount_minor"] == minor


def test_a_running_sum_does_not_shrink():
    refused = decoded(order('amount: {of: "{sum}", less: "{before}"}'), {**ORDER, "sum": 3, "before": 5}).rejected

    assert refused.row(0) == (0, "invalid_field", "3 less 5 is not an amount - at sum")


def test_an_item_costs_its_price_so_often_as_it_is_ordered():
    paid = order(
        """amount: "{total}"
        items:
          each: items[]
          product: "{items[].sku}"
          quantity: "{items[].n}"
          price: {of: "{items[].price}", unit: major}"""
    )

    event = only(paid, {**ORDER, "total": 5, "items": [{"sku": "a", "n": 3, "price": "1.50"}, {"sku": "b", "n": 1}]})

    assert event["items"] == [
        {"product_id": "a", "quantity": 3, "amount_minor": 450},
        {"product_id": "b", "quantity": 1, "amount_minor": None},
    ]


def test_the_quality_is_that_of_the_time_that_was_found():
    timed = carrier("""
  - emit:
      - kind: feed.heartbeat
        id: "{id}"
        time: [{of: "{at}", unit: seconds}, {of: "{seen}", unit: seconds, quality: bound}]
""")

    assert only(timed, {"id": 1, "at": 1767222000, "seen": 1767222009})["time_quality"] == "second"
    assert only(timed, {"id": 1, "seen": 1767222009})["time_quality"] == "bound"


@pytest.mark.parametrize(
    ("unit", "at"),
    [
        ("seconds", 1767222000),
        ("seconds", "1767222000.0000009"),
        ("milliseconds", 1767222000000),
        ("microseconds", 1767222000000000),
        ("microseconds", "1767222000000000.9"),
    ],
)
def test_a_time_is_read_in_its_unit(unit: str, at: object):
    timed = carrier(f"""
  - emit:
      - kind: feed.heartbeat
        id: "{{id}}"
        time: {{of: "{{at}}", unit: {unit}}}
""")

    assert only(timed, {"id": 1, "at": at})["time"] == dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("unit", "at"),
    [
        ("microseconds", 1767222000000),
        ("milliseconds", 1767222000),
        ("milliseconds", 1767222000000000),
        ("seconds", 1767222000000),
        ("seconds", 100000000000000),
    ],
)
def test_a_time_in_another_unit_is_rejected(unit: str, at: int):
    timed = carrier(f"""
  - emit:
      - kind: feed.heartbeat
        id: "{{id}}"
        time: {{of: "{{at}}", unit: {unit}}}
""")

    assert f"is no time in {unit} - at at" in decoded(timed, {"id": 1, "at": at}).rejected["detail"].item()
