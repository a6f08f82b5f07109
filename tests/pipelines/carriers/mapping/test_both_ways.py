"""A mapped carrier makes the same of payloads whether they are read one by one or as a column."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from emberline.conformance.mutations import mutated
from pipelines.carriers.base import Decoded
from pipelines.carriers.mapping.columns import read_columns
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from schemas.lake import HEADERS
from tests.examples import examples
from tests.pipelines.carriers.mapping.beacon import SENT, beacon

EVERYTHING = beacon(f"""
texts: [text, "parts[].text"]
called: "{{type}} of {{header:X-Kind}}"
cases:
  - when: {{type: ping}}
    ignore: a sign of life
  - when: {{type: message}}
    emit:{SENT}
        text: "parts[].text"
        mentions: {{count: "parts[kind=at]"}}
        reply_to: "{{content::json.parent}}"
        links: {{count: "content::json.links[]"}}
        message_kind: {{of: "{{header:X-Kind}}", map: {{a: text}}, else: other}}
  - when: {{type: joined}}
    emit:
      - kind: member.joined
        each: users[]
        id: "joined/{{id}}/{{users[].name}}"
        time: {{of: "{{at}}", unit: seconds_or_milliseconds}}
        group: "{{room}}"
        account: "{{users[].name}}"
  - when: {{type: bought}}
    emit:
      - kind: sale.completed
        id: "sale/{{id}}"
        time: {{of: "{{at}}", unit: rfc3339}}
        account: "{{by}}"
        order: "{{id}}"
        amount: {{of: "{{total}}", unit: major}}
        currency: "{{currency}}"
""")

MESSAGE = {
    "type": "message",
    "id": 2**53 + 1,
    "at": 1_600_000_000.5,
    "room": "群",
    "by": "ann",
    "parts": [{"kind": "text", "text": "你好 é"}, {"kind": "at", "who": 7}],
    "content": json.dumps({"parent": "p\n1", "links": ["a", "b"]}),
}
JOINED = {"type": "joined", "id": "x", "at": 1_600_000_000_123, "room": 1, "users": [{"name": "bo"}, {"name": "cy"}]}
SOLD = {"type": "bought", "id": 5, "at": "2026-01-31T12:00:00Z", "by": 9, "total": 19.90, "currency": "EUR"}
KNOWN = [MESSAGE, JOINED, SOLD, {"type": "ping"}]


def assert_both_agree(carrier: MappedCarrier, values: list[bytes], headers: pl.Series | None = None) -> Decoded:
    rows = carrier.decode(values, headers)
    columns = carrier.decode_column(pl.Series(values, dtype=pl.Binary), headers)
    assert_frame_equal(columns.events, rows.events)
    assert_frame_equal(columns.rejected, rows.rejected)
    assert_frame_equal(columns.ignored, rows.ignored)
    return rows


@pytest.mark.parametrize("escapes", [True, False])
def test_both_agree_on_payloads_and_on_each_change_of_one_field(escapes: bool):
    values = [json.dumps(one, ensure_ascii=escapes).encode() for one in KNOWN]
    assert assert_both_agree(EVERYTHING, values).events.height == 4
    assert_both_agree(EVERYTHING, [broken for value in values for broken in mutated(value)])


def test_both_read_the_last_header_of_a_name_whatever_its_case():
    given = [
        [("x-kind", b"b"), ("X-KIND", b"a")],
        [("X-Kind", b"\xff")],
        [("X-Kind", None)],
        [],
        None,
        [("other", b"a")],
    ]
    headers = [None if one is None else [{"key": key, "value": value} for key, value in one] for one in given]
    values = [json.dumps(MESSAGE | {"id": n}).encode() for n in range(len(headers))]
    decoded = assert_both_agree(EVERYTHING, values, pl.Series(headers, dtype=HEADERS))
    assert decoded.events["message_kind"].to_list() == ["text", *["other"] * 5]
    assert_both_agree(EVERYTHING, values)


def test_payloads_that_are_read_one_by_one_stand_in_their_place_among_the_others():
    values = [json.dumps(JOINED | {"id": n}).encode() for n in range(9)]
    values[3] = values[3].replace(b'"room"', b'"room": 2, "room"')
    values[5] = values[5][:-1]
    decoded = assert_both_agree(EVERYTHING, values)
    assert decoded.events.select("row", "position").rows() == [(n, at) for n in range(9) if n != 5 for at in (0, 1)]


def test_a_fraction_is_read_as_it_is_written():
    sold = b'{"type":"bought","id":1,"at":"2026-01-31T12:00:00Z","by":1,"total":%s,"currency":"EUR"}'
    values = [sold % amount for amount in (b"19.90", b"0.1" + b"0" * 40, b"1e400")]
    decoded = assert_both_agree(EVERYTHING, values)
    assert decoded.events["amount_minor"].to_list() == [1990, 10]


odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "a", 0, -1, 2**64, 1.5, True, [], {}, [None], [{}], [{"name": 1.5}], "你", '{"parent": 3}', "{", "[1]"]
)


@examples(300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KNOWN),
            st.dictionaries(st.sampled_from([*MESSAGE, "users", "total", "currency"]), odd, max_size=2),
            st.booleans(),
            st.sampled_from([0, 0, 0, 1, 3]),
        ),
        max_size=8,
    )
)
def test_both_agree_on_payloads_that_were_changed_at_random(changed: list[tuple[dict, dict, bool, int]]):
    assert_both_agree(
        EVERYTHING,
        [
            (text := json.dumps(known | others, ensure_ascii=escapes).encode())[: len(text) - cut]
            for known, others, escapes, cut in changed
        ],
    )


DOCUMENTS = beacon(f"""
cases:
  - when: {{"body::xml.@type": gone}}
    ignore: gone
  - when: {{"body::xml.users.user[@new=yes].id": {{present: true}}}}
    emit:
      - kind: member.joined
        each: "body::xml.users.user[@new=yes].id[]"
        id: "joined/{{id}}/{{body::xml.users.user[@new=yes].id[]}}"
        time: {{of: "{{at}}", unit: seconds}}
        group: "{{room}}"
        account: "{{body::xml.users.user[@new=yes].id[]}}"
  - emit:{SENT}
        reply_to: {{of: ["{{body::xml.re}}", "{{form::url::json.re.'no.'}}", "{{asked::url}}"]}}
        mentions: {{count: "form::url::json.to[]"}}
""")
DOCUMENT = {"id": 1, "at": 1_600_000_000, "room": 1, "by": "ann"}


@examples(200)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["body", "form", "asked"]),
            st.one_of(
                odd,
                st.sampled_from(
                    [
                        "<x><re>5</re></x>",
                        "ann:\n<x type='gone'/>",
                        "<x><users><user new='yes'><id>4</id><id>5</id></user><user><id>6</id></user></users></x>",
                        "<x><users><user new='yes'><id>4</id></user></users></x>",
                        "<x>a < b</x>",
                        "<x>" * 70 + "</x>" * 70,
                        "%7B%22re%22%3A%7B%22no.%22%3A%22a+b%22%7D%7D",
                        '{"to":["a",{}],"re":%7B"no.":7%7D}',
                        "%7B%7B",
                        "%FF+%",
                        "a%3Cb+c",
                    ]
                ),
            ),
        ),
        max_size=6,
    )
)
def test_both_agree_on_documents_within_strings(bodies: list[dict]):
    assert_both_agree(DOCUMENTS, [json.dumps(DOCUMENT | body).encode() for body in bodies])


def test_documents_within_strings_are_read_by_compiled_code():
    bodies = [
        {"body": "<x><re>5</re></x>"},
        {"form": "%7B%22re%22%3A%7B%22no.%22%3A%22%C3%A9%22%7D%7D"},
        {"asked": "%41+b"},
    ]
    values = [json.dumps(DOCUMENT | body).encode() for body in bodies]

    decoded = assert_both_agree(DOCUMENTS, values)
    read = read_columns(pl.Series(values), {"": ("body::xml.re", "form::url::json.re.'no.'", "asked::url")})

    assert decoded.events["reply_to"].to_list() == ["5", "é", "A b"]
    assert read.accepted.all()
