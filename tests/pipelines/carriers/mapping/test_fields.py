"""A field of a mapping is the first of its places that is there."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.carriers.texts import Texts
from tests.pipelines.carriers.mapping.beacon import beacon

BEACON = beacon("""
fields:
  id: [id.str, id]
  room: ["posts[].room", room]
  text: ["posts[].text", body.text, text]
  posts: ["posts[].id", id]
texts: ["posts[].text", body.text, text]
cases:
  - when: {id: {present: true}}
    emit:
      - &message
        kind: message.sent
        id: "message/{id}"
        time: {of: "{at}", unit: seconds}
        group: "{room}"
        account: "{by}"
        message_id: "{id}"
        text: {of: text}
  - when: {posts: {is_a: number}}
    emit: [{<<: *message, id: "message/{posts}", message_id: "{posts}", each: "posts[]", mentions: {count: posts}}]
""")

ONE = b'{"id": 7, "at": 1600000000, "room": 1, "by": 2, "text": "hello"}'


@pytest.mark.parametrize(
    ("value", "event_id", "length"),
    [
        (ONE, "message/7", 5),
        (ONE.replace(b"7", b'{"str": "9007199254740993"}'), "message/9007199254740993", 5),
        (ONE.replace(b'"text"', b'"body": {"text": "hi"}, "text"'), "message/7", 2),
        (ONE.replace(b'"text"', b'"body": {"text": null}, "text"'), "message/7", 5),
    ],
    ids=["the last place", "an object in its place", "the first place", "null is not there"],
)
def test_a_field_is_the_first_place_that_is_there(value: bytes, event_id: str, length: int):
    events = BEACON.decode([value]).events

    assert events.select("event_id", "group_id", "text_length").rows() == [(event_id, "beacon:1", length)]


def test_a_field_of_an_element_is_the_element_s_where_it_has_it():
    value = b'{"at": 1600000000, "by": 2, "room": 1, "posts": [{"id": 5, "room": 8, "text": "a"}, {"id": 6}]}'

    events = BEACON.decode([value]).events

    columns = ("event_id", "group_id", "text_length", "mentions")
    assert events.select(columns).rows() == [("message/5", "beacon:8", 1, 2), ("message/6", "beacon:1", None, 2)]


def test_measures_are_read_through_a_field():
    values = [ONE, ONE.replace(b'"text"', b'"body": {"text": "hi"}, "text"')]

    measured = BEACON.measured(values, Texts(b"key"))

    assert b"h" not in b"".join(measured).replace(b'"hash"', b"").replace(b'"length"', b"")
    assert BEACON.decode(measured).events.equals(BEACON.decode(values).events)


def test_what_is_wrong_in_a_field_is_named_by_the_field():
    rejected = BEACON.decode([ONE.replace(b'"by": 2', b'"by": 2, "posts": 1').replace(b"7", b"[1]")]).rejected

    assert rejected["detail"].to_list() == ["Expected text or a whole number, got a list - at id"]


def test_a_batch_of_nothing_is_nothing():
    assert BEACON.decode([]).events.is_empty()
    assert BEACON.decode_column(pl.Series([], dtype=pl.Binary)).ignored.is_empty()
