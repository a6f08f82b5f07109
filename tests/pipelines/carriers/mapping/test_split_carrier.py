"""A payload whose list holds several payloads gives what each of them gives."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
import pytest

from pipelines.carriers.base import Decoded
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.carriers.mapping.model import parse_mapping
from pipelines.carriers.mapping.split_carrier import MOST_PARTS, SplitCarrier
from pipelines.carriers.texts import Texts
from schemas.lake import HEADERS

CARRIER = SplitCarrier(
    MappedCarrier(
        parse_mapping(
            """
name: beacon
title: Beacon
platform: beacon
coverage: full
membership: none
time_quality: second
split: posts
texts: ["posts[].text"]
cases:
  - when: {posts.kind: ping}
    ignore: a sign of life
  - when: {posts: {is_a: object}}
    emit:
      - kind: message.sent
        id: "{posts.id}"
        time: {of: "{at}", unit: seconds}
        group: "{header:X-Room}"
        account: "{posts.by}"
        message_id: "{posts.id}"
        reply_to: "{_part}"
        text: posts.text
        mentions: {count: "posts.mentions[]"}
""",
            "test",
        )
    ),
    "posts",
)


def post(number: int, **other: Any) -> dict[str, Any]:
    return {"id": number, "by": 7, "text": "hello", "mentions": [], **other}


def decoded(*payloads: Any) -> Decoded:
    headers = pl.Series([[{"key": "X-Room", "value": b"r"}]] * len(payloads), dtype=HEADERS)
    return CARRIER.decode([msgspec.json.encode(one) for one in payloads], headers)


def test_each_element_is_a_payload_with_what_stands_beside_the_list():
    events = decoded(
        {"at": 1767222000, "posts": []}, {"at": 1767222000, "posts": [post(1), post(2, mentions=[1, 2])]}
    ).events

    assert events.select("row", "position", "event_id", "group_id", "mentions", "reply_to").rows() == [
        (1, 0, "1", "beacon:r", 0, "0"),
        (1, 1, "2", "beacon:r", 2, "1"),
    ]


def test_a_payload_is_ignored_only_if_all_of_its_elements_are():
    found = decoded(
        {"at": 1, "posts": [{"kind": "ping"}, {"kind": "ping"}]}, {"at": 1, "posts": [{"kind": "ping"}, post(1)]}
    )

    assert found.ignored.rows() == [(0, "a sign of life")]
    assert found.events["row"].to_list() == [1]


def test_a_good_and_two_bad_elements_are_an_event_and_one_reason():
    found = decoded({"at": 1767222000, "posts": [post(1), {"by": 7}, {"by": 8}]})

    assert found.events["event_id"].to_list() == ["1"]
    assert found.rejected.rows() == [(0, "missing_field", "message.sent needs event_id (from {posts.id})")]


@pytest.mark.parametrize("value", [b"", b"[", b"7", b'{"posts": 7}', b"{}"])
def test_what_is_no_list_is_a_part_by_itself(value: bytes):
    found = CARRIER.decode([value])

    assert found.events.is_empty()
    assert found.rejected.height + found.ignored.height == 1


def test_a_payload_of_too_many_elements_is_rejected():
    found = decoded({"at": 1767222000, "posts": [post(1)] * (MOST_PARTS + 1)}, {"at": 1767222000, "posts": [post(2)]})

    assert found.rejected["reason"].to_list() == ["too_large"]
    assert found.events["event_id"].to_list() == ["2"]


def test_texts_are_withheld_from_the_whole_payload():
    (measured,) = CARRIER.measured([msgspec.json.encode({"at": 1767222000, "posts": [post(1)]})], Texts(b"key"))

    assert b"hello" not in measured
    assert CARRIER.decode([measured]).rejected["detail"].to_list() == [
        "message.sent needs group_id (from {header:X-Room})"
    ]
