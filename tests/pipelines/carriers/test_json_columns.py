"""The compiled reader of canonical events and msgspec, the authority, say the same of every value."""

from __future__ import annotations

import dataclasses
import json
import string
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.carriers import CARRIERS, carrier_of, json_columns
from pipelines.carriers.cloudevents import CloudEvents
from pipelines.carriers.json_columns import read_json
from pipelines.carriers.json_table import JsonTable
from schemas.kinds import Envelope
from tests.examples import examples
from tests.pipelines.canonical import encoded, message
from tests.pipelines.carriers.walled import Walled

ADAPTER = CloudEvents()
TABLE = JsonTable.of(Envelope)

EVERYTHING = message(
    {
        "customer_id": "shop:1",
        "role": "operator",
        "group_id": "app:other",
        "message_kind": "red_packet",
        "reply_to": "m0",
        "text_length": 2**31 - 1,
        "links": 0,
        "mentions": 17,
        "product_id": "p",
        "order_id": "o",
        "total_minor": 123_456_789_012,
        "currency": "CNY",
        "linked_id": "app:eve",
        "name": "群聊 é 😀",
        "purpose": "sales",
        "planned_end": "2026-02-28T23:59:59.5+08:00",
    }
)


def assert_both_agree(values: list[bytes]) -> None:
    expected = ADAPTER.decode(values)
    found = ADAPTER.decode_column(pl.Series(values, dtype=pl.Binary))
    assert_frame_equal(found.events, expected.events)
    assert_frame_equal(found.rejected, expected.rejected)


PLACED = message({"member_id": "app:m", "message_id": "STRING"})
"""An event that ends in a string."""


def with_string(text: bytes) -> bytes:
    return json.dumps(PLACED, separators=(",", ":")).encode().replace(b"STRING", text)


def is_read(value: bytes) -> bool:
    """Does the compiled reader take the value itself."""
    return read_json(pl.Series([value], dtype=pl.Binary), TABLE).accepted[0]


ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, -0.0, 1.0, 1.5, 2**31 - 1, 2**31, 2**62, 2**62 + 1, 2**64, 10**30, 1e300, "", " ", "0",
    "app:x", "app:", ":x", "App:x", "app:\n", "a.b-c_d:e:f", "app: ", "CNY", "cny", "CNYX", "CNY\n", "members",
    "member", "text", "message.sent", "1.0", "1.1", "x" * 512, "x" * 513, "é" * 512, "é" * 256, "app:" + "é" * 508,
    "群", "😀",
    "a\0b", "a\"b", "a\\b", "a/b", "\x7f", "\u2028", "\ud7ff", "\ue000", [], ["app:x"], {}, {"a": {"b": [1, None]}},
]  # fmt: skip

ODD_TIMES = [
    "2026-01-31T12:00:00Z", "2026-01-31T12:00:00z", "2026-01-31t12:00:00Z", "2026-01-31 12:00:00Z", "2026-01-31T12:00Z",
    "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2000-02-29T23:59:59.999999Z",
    "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-01-31T24:00:00Z", "2026-01-31T23:60:00Z", "2026-01-31T23:59:60Z", "2026-01-31T12:00:00", "2026-01-31",
    "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00.1Z", "2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00.9999999Z",
    "2026-01-31T12:00:00+08:00", "2026-01-31T12:00:00-08:30", "2026-01-31T12:00:00+0800", "2026-01-31T12:00:00+08",
    "2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+23:59", "2026-01-31T12:00:00+08:60",
    "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "1899-12-31T00:00:00Z", "1900-01-01T00:00:00+14:00",
    "1969-12-31T23:59:59.999999Z", "-001-01-01T00:00:00Z", "2026-01-31T12:00:00ZZ", " 2026-01-31T12:00:00Z", 1767225600,
]  # fmt: skip

ENVELOPE_NAMES = ["specversion", "id", "source", "type", "time", "subject", "data", "datacontenttype"]
DATA_NAMES = [*TABLE.names[7:], "extension", "id", "time"]


def test_an_event_that_says_everything_but_operators_is_read():
    assert is_read(encoded(EVERYTHING))
    assert_both_agree([encoded(EVERYTHING)])


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n")])
def test_white_space_between_values_does_not_matter(separators: tuple[str, str]):
    value = b" \n" + json.dumps(EVERYTHING, ensure_ascii=False, separators=separators).encode() + b"\t "
    assert is_read(value)
    assert_both_agree([value])


@pytest.mark.parametrize("name", ENVELOPE_NAMES)
def test_both_agree_on_any_value_of_a_field_of_the_envelope(name: str):
    odd = ODD_VALUES + ODD_TIMES
    assert_both_agree([encoded({**EVERYTHING, name: value}) for value in odd])


@pytest.mark.parametrize("name", DATA_NAMES)
def test_both_agree_on_any_value_of_a_field_of_the_payload(name: str):
    odd = ODD_VALUES + ODD_TIMES
    assert_both_agree([encoded({**EVERYTHING, "data": {**EVERYTHING["data"], name: value}}) for value in odd])


@pytest.mark.parametrize("name", ENVELOPE_NAMES[:7])
def test_both_agree_when_a_field_is_missing(name: str):
    assert_both_agree([encoded({key: value for key, value in EVERYTHING.items() if key != name})])


@pytest.mark.parametrize(
    "value",
    [
        b"", b" ", b"{", b"{}", b"[]", b"null", b'"x"', b"1", b"\xef\xbb\xbf{}", b"\xff", b'{"id"', b'{"id":',
        b'{"id":"', b'{"id":"e"', b'{"id":"e",', b'{"id":"e",}', b'{,}',
        b'{"data":{', b'{"data":{}', b'{"data":{},', b'{"data":{},}',
        b'{"data":{"role":"member",}}', b'{"data":{}}}', b"{}{}", b'{"id" "e"}', b"{'id':'e'}", b'{id:"e"}',
    ],
)  # fmt: skip
def test_both_agree_on_what_is_no_event(value: bytes):
    assert not is_read(value)
    assert_both_agree([value])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"id": "e1"', b'"id": "e1", "id": "e2"'),
        (b'"id": "e1"', b'"i\\u0064": "e1"'),
        (b'"id": "e1"', b'"id": "e1", "\\u0069d": "e2"'),
        (b'"e1"', b'"e\\n1"'),
        (b'"e1"', b'"e\n1"'),
        (b'"e1"', b'"e\\u00001"'),
        (b'"e1"', b'"\\ud83d\\ude00"'),
        (b'"e1"', b'"\\ud83d"'),
        (b'"e1"', b'"\\x"'),
        (b'"e1"', b'"\xc0\x80"'),
        (b'"e1"', b'"\xed\xa0\x80"'),
        (b'"e1"', b'"\xe2\x82"'),
        (b'"e1"', b'"\xf4\x90\x80\x80"'),
        (b'"e1"', b'"\x80"'),
        (b'"e1"', b"e1"),
        (b"17", b"017"),
        (b"17", b"+17"),
        (b"17", b"-0"),
        (b"17", b"1e1"),
        (b"17", b"17.0"),
        (b"17", b"17."),
        (b"17", b"NaN"),
        (b"17", b"Infinity"),
        (b"17", b"nul"),
        (b"17", b"nullx"),
        (b"17", b"1 7"),
        (b"17", b"17 "),
        (b"17", b'17, "mentions": 18'),
        (b"17", b'17, "mentions": null'),
        (b"}}", b'}, "data": {}}'),
        (b"}}", b'}, "data": {"role": "bot"}}'),
        (b"17", b'17, "unknown": "\xff"'),
        (b"17", b'17, "unknown": "\\q"'),
        (b"17", b'17, "unknown": tru'),
        (b"17", b'17, "unknown": 1e999'),
        (b"17", b'17, "unknown": 00'),
        (b"17", b'17, "unknown": -'),
        (b"17", b'17, "unknown": [}'),
        (b"17", b'17, "\xff": 1'),
        (b"}}", b"}} x"),
        (b"}}", b"},}"),
        (b"}}", b"}}}"),
    ],
)
def test_both_agree_where_the_bytes_were_changed(old: bytes, new: bytes):
    value = encoded(EVERYTHING)
    assert old in value
    assert_both_agree([value, value.replace(old, new), value])


def test_both_agree_on_a_value_at_the_limit_of_size():
    padding = 1024 * 1024 - len(encoded(message(padding="")))
    assert_both_agree([encoded(message(padding="x" * length)) for length in (padding, padding + 1)])


def test_no_values_make_no_events():
    assert_both_agree([])


def test_values_are_read_wherever_their_bytes_lie():
    parts = [[encoded(message({"name": "群" * 9_000}, id=f"event {part} {n}")) for n in range(3)] for part in range(4)]
    lying = pl.concat([pl.Series([*part, b"{}"], dtype=pl.Binary) for part in parts])
    mixed = lying.gather([13, 0, 7, 15, 2, 4, 3, 1, 9, 5]).slice(1, 8)
    assert len(mixed.to_arrow(compat_level=pl.CompatLevel.newest()).buffers()) > len(parts)
    found, expected = ADAPTER.decode_column(mixed), ADAPTER.decode(mixed.to_list())
    assert_frame_equal(found.events, expected.events)
    assert_frame_equal(found.rejected, expected.rejected)


def test_rows_keep_their_numbers_when_some_are_left_to_msgspec():
    values = [encoded(message(id=f"e{n}" if n % 3 else f'e"{n}')) for n in range(20)] + [b"x"]
    found = ADAPTER.decode_column(pl.Series(values, dtype=pl.Binary))
    assert found.events["row"].to_list() == list(range(20))
    assert found.rejected["row"].to_list() == [20]


@pytest.mark.parametrize(
    "odd",
    [b'\\"', b"\\n", b'"', b"\\", b"\0", b"\x1f", b" ", b"!", b"\x7f", b"\x80", b"\xff", b"\xc3",
     "é".encode(), "群".encode(), "😀".encode(), "😀".encode()[:3]],
)  # fmt: skip
def test_both_agree_wherever_an_odd_character_stands_in_a_string_of_any_length(odd: bytes):
    texts = [b"x" * before + odd + b"y" * after for before in range(36) for after in (0, 1, 2, 9, 20)]
    assert_both_agree([with_string(text) for text in texts])


@pytest.mark.parametrize("prefix", ["", "app:"])
@pytest.mark.parametrize("name", ["message_id", "member_id", "name"])
def test_strings_of_any_length_are_read_to_the_letter(name: str, prefix: str):
    texts = [prefix + (string.ascii_lowercase * 3)[:length] for length in range(70)]
    read = read_json(pl.Series([encoded(message({name: text})) for text in texts], dtype=pl.Binary), TABLE)
    right = [text for text, is_accepted in zip(texts, read.accepted, strict=True) if is_accepted]
    assert len(right) >= (68 if name != "member_id" or prefix else 0)
    assert read.fields[name].to_list() == right


def test_both_agree_on_any_byte_at_any_place_of_a_time():
    value = encoded(EVERYTHING)
    start = value.index(EVERYTHING["time"].encode())
    changed = [
        value[:place] + bytes([byte]) + value[place + 1 :]
        for place in range(start, start + len(EVERYTHING["time"]) + 1)
        for byte in range(256)
    ]
    assert_both_agree(changed)


@pytest.mark.parametrize("is_last", [True, False])
def test_nothing_is_read_beyond_either_end_of_a_buffer(walled: Walled, is_last: bool):
    values = [with_string(b"x" * length) for length in range(1, 41)] + [with_string("群é😀".encode())]
    for value in values:
        assert read_json(walled.column([value], is_last=is_last), TABLE).accepted[0]
    for value in (encoded(EVERYTHING), with_string(b"x" * 20), with_string("群é😀".encode())):
        for length in range(13, len(value)):
            assert not read_json(walled.column([value[:length]], is_last=is_last), TABLE).accepted[0]


NEIGHBOURS = [b'"id" :', b'\t"id":', b'"id"\n: ', b'"i":', b'"ids":', b'"id;', b'"id";', b'"Id":', b'"id:', b"'id\":"]


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_both_agree_on_a_name_that_is_almost_the_expected_one(neighbour: bytes):
    value = encoded(EVERYTHING)
    assert_both_agree([value, value, value.replace(b'"id":', neighbour), value])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
any_value = st.sampled_from(ODD_VALUES + ODD_TIMES) | json_values
times = st.builds(
    lambda t, z: t.isoformat() + z, st.datetimes(), st.sampled_from(["Z", "+08:00", "-11:30", "+00:00", "z", ""])
)


keys = st.from_regex(r"[a-z0-9_.-]{1,3}:[^\n\x00-\x1f]{1,5}", fullmatch=True)
plausible = (
    st.sampled_from([None, "m", "app:x", "群", 0, 17, 2**31 - 1, "member", "bot", "text", "EUR", "shop:é"]) | keys
)
seldom = st.sampled_from([False, False, False, False, True])


@st.composite
def mutated_events(draw: st.DrawFn) -> bytes:
    """An event with a few other fields, some right, some wrong; seldom with a field less or with other bytes."""
    values = plausible | times | any_value
    changes = draw(st.dictionaries(st.sampled_from(DATA_NAMES), values, max_size=2))
    event = {**EVERYTHING, "data": {**EVERYTHING["data"], **changes}}
    event |= draw(st.dictionaries(st.sampled_from(ENVELOPE_NAMES), values, max_size=1)) if draw(seldom) else {}
    if draw(seldom):
        event.pop(draw(st.sampled_from(ENVELOPE_NAMES)), None)
    value = bytearray(json.dumps(event, ensure_ascii=draw(seldom)).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(value) - 1))
        byte = draw(st.integers(0, 255) | st.sampled_from((string.digits + '{}[]",:\\ \n').encode()))
        match draw(st.sampled_from(["replace", "insert", "delete", "cut"])):
            case "replace":
                value[at] = byte
            case "insert":
                value.insert(at, byte)
            case "delete":
                del value[at]
            case _:
                del value[at + 1 :]
    return bytes(value)


@examples(400)
@given(st.lists(mutated_events() | st.binary(max_size=40), max_size=8))
@example([])
def test_both_agree_on_events_that_were_changed_at_random(values: list[bytes]):
    assert_both_agree(values)


@examples(400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(mutated_events() | st.binary(min_size=13, max_size=40), min_size=1, max_size=4), st.booleans())
def test_values_changed_at_random_are_read_from_no_byte_beyond_either_end_of_their_buffer(
    walled: Walled, values: list[bytes], is_last: bool
):
    column = walled.column(values, is_last=is_last)
    expected = ADAPTER.decode(values)
    found = ADAPTER.decode_column(column)
    assert_frame_equal(found.events, expected.events)
    assert_frame_equal(found.rejected, expected.rejected)


def test_names_and_allowed_values_are_read_from_no_byte_beyond_those_of_the_table(walled: Walled):
    content = TABLE.text.tobytes()
    for at in (0, walled.size - len(content)):
        text = np.frombuffer(walled.put(content, at), np.uint8)
        table = dataclasses.replace(TABLE, text=text)
        for role in ("operator", "operators", "op", "member", "b"):
            value = encoded({**EVERYTHING, "data": {**EVERYTHING["data"], "role": role}})
            found = read_json(pl.Series([value], dtype=pl.Binary), table)
            assert found.accepted[0] == is_read(value)


@examples(100)
@given(st.lists(mutated_events() | st.binary(max_size=40), max_size=8))
def test_the_safe_decoder_gives_the_same_and_calls_no_compiled_code(values: list[bytes]):
    column = pl.Series(values, dtype=pl.Binary)
    fast = carrier_of(CARRIERS, "cloudevents", decoder="fast").decode_column(column)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_columns, "read_json", None)
        safe = carrier_of(CARRIERS, "cloudevents", decoder="safe").decode_column(column)
    assert_frame_equal(safe.events, fast.events)
    assert_frame_equal(safe.rejected, fast.rejected)


def test_a_field_expected_after_the_payload_is_not_taken_from_within_it():
    """The first event teaches that `subject` follows the payload; in the second it is the last field within it."""
    behind = message({"customer_id": "shop:1"})
    subject = behind.pop("subject")
    within = {**behind, "data": {**behind["data"], "subject": "app:another"}}
    assert_both_agree([encoded({**behind, "subject": subject}), encoded(within)])


FOREIGN = ["extension", "i", "ids", "data_", "члены"]


@st.composite
def arrangements(draw: st.DrawFn) -> Callable[[int], bytes]:
    """Some fields of an event in some order, seldom one of them twice or where it does not belong."""

    def some(given: dict[str, Any], required: int, others: list[str]) -> list[str]:
        names = list(given)
        more = draw(st.lists(st.sampled_from(names[required:] + FOREIGN), max_size=6, unique=True))
        more += draw(st.lists(st.sampled_from(names + others), max_size=1)) if draw(seldom) else []
        kept = names[: required - draw(seldom)] if draw(seldom) else names[:required]
        return draw(st.permutations(kept + more))

    data = EVERYTHING["data"]
    outer = {name: EVERYTHING[name] for name in [*ENVELOPE_NAMES[:6], "data"]}
    names, inner = some(outer, 5, list(data)), some(data, 0, list(outer))
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (",", ":"), (" ,\t", "\n:")]))

    def made(number: int) -> bytes:
        own = {"id": f"e{number}", "message_id": f"e{number}"}

        def shown(fields: list[str], values: dict[str, Any], **objects: str) -> str:
            texts = {name: json.dumps((values | own).get(name, "x"), ensure_ascii=False) for name in fields} | objects
            return "{" + comma.join(f'"{name}"{colon}{texts[name]}' for name in fields) + "}"

        return shown(names, outer, data=shown(inner, data)).encode()

    return made


@examples(300)
@given(st.lists(arrangements(), min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=12))
def test_both_agree_whatever_order_the_fields_had_before(shapes: list[Callable[[int], bytes]], turns: list[int]):
    assert_both_agree([shapes[turn % len(shapes)](number) for number, turn in enumerate(turns)])
