"""The compiled reader by paths says of every value that it accepts what msgspec and a plain walk say."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipelines.carriers import json_levels
from pipelines.carriers.json_levels import read_levels
from pipelines.carriers.json_paths import MAX_DEPTH
from pipelines.carriers.mapping.columns import read_columns
from pipelines.carriers.mapping.paths import TOP
from tests.examples import examples
from tests.pipelines.carriers.both_ways import assert_what_is_accepted_is_right, fields
from tests.pipelines.carriers.walled import Walled

PATHS = ("a", "b.c", "b", "b.c.d", "l[].u", "l[]", "l", "l[].v.w", "b.m[].x", "é.长", "long_" * 7)


def is_read(value: bytes, paths: Sequence[str] = PATHS) -> bool:
    return assert_what_is_accepted_is_right([value], paths).accepted[0]


@pytest.mark.parametrize(
    "value",
    [
        b"{}", b"{\"a\":1}", b'{"a":"x"}', b' { "a" : "x" } ', b'{"a":null,"b":{"c":true}}',
        b'{"b":{"c":{"d":1}}}', b'{"b":[1,{"c":2}]}', b'{"l":[{"u":1},{"u":"2","v":{"w":3}},4,null,[]]}', b'{"l":{}}',
        b'{"x":{"a":1,"l":[{"u":1}]},"a":[{"a":1}]}', b'{"":1,"a":{"":2}}', '{"é":{"长":"文本 😀"},"a":"é"}'.encode(),
        b'{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\u957f\\ud83d\\ude00 and so on"}',
        b'{"\\u0061":1,"\\u00e9":{"\\u957f":2}}',
        b'{"a":-12,"b":0,"l":[1.50,-0.0,1e5,1E-05,2.5e+10,12345678901234567890,-98765432109876543210]}',
        b'{"%s":1,"%s":2,"%s":3}' % (b"long_" * 7, b"long_" * 8, b"long-" * 7),
        b'{"z":1,"z":2,"z":{"a":1,"a":2}}', b'{"b":{"m":[{"x":1},{"x":2}]},"l":[]}',
        b'{"z":' + b"[" * (MAX_DEPTH - 1) + b"1" + b"]" * (MAX_DEPTH - 1) + b"}",
    ],
)  # fmt: skip
def test_json_of_any_form_is_read(value: bytes):
    assert is_read(value)


@pytest.mark.parametrize(
    "value",
    [
        b"", b" ", b"{", b"}", b"[", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1,}', b"{,}", b"[1,]", b"[,]",
        b"[1 2]", b'{"a":1 "b":2}', b'{"a" 1}', b"{a:1}", b"{'a':1}", b'{"a":1}}', b"{}{}", b"{} x", b'{"a":1]',
        b"[1}", b"nul", b"truex", b"nullnull", b"True", b"NaN", b"Infinity", b"-", b"+1", b"01", b"-01", b"1.", b".5",
        b"1e", b"1e+", b"0x1", b"1_0", b'"', b'"a', b'"\\"', b'"\\', b'"\\q"', b'"\\u12"', b'"\\u12g4"', b'"\\ud83d"',
        b'"\\ude00"', b'"\\ud83dx"', b'"\\ud83d\\u0041"', b'"\\ud83d\\ud83d"', b'"\n"', b'"\0"', b'"\xff"',
        b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xe2\x82"', b'"\xf4\x90\x80\x80"', b'"\x80"', b"\xef\xbb\xbf{}", b"{}\0",
        b'{"z":"\xff"}', b'{"\xff":1}', b'{"z":{"z":"\\q"}}', b'{"z":[1,2,{"z":tru}]}', b'{"z":00}',
    ],
)  # fmt: skip
def test_what_is_no_json_is_not_accepted(value: bytes):
    assert not is_read(value)


@pytest.mark.parametrize(
    "value",
    [
        b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{"b":{},"b":{"c":1}}', b'{"b":{"c":1,"c":2}}', b'{"l":[],"l":[1]}',
        b'{"l":[{"u":1},{"u":1,"u":1}]}', b'{"a":-0}', b'{"a":1e999}', b'{"a":' + b"1" * 65 + b"}",
        b'{"z":' + b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH + b"}",
    ],
)  # fmt: skip
def test_what_readers_of_json_differ_about_is_left_to_msgspec(value: bytes):
    assert not is_read(value)


def test_a_value_at_the_limit_of_size_is_read_and_a_longer_one_is_not():
    value = b'{"a":"' + b"x" * (1024 * 1024 - 8) + b'"}'
    assert is_read(value)
    assert not is_read(value + b" ")


@pytest.mark.parametrize(
    "odd",
    ['\\"', "\\n", "\\u00e9", "\\u957f", "\\ud83d\\ude00", "é", "群", "😀", "群é😀群", "\\n群\\n", "\x7f", '"', "\\",
     "\n", "\\u"],
)  # fmt: skip
def test_an_odd_character_may_stand_anywhere_in_a_string_of_any_length(odd: str):
    texts = ["x" * before + odd + "y" * after for before in range(36) for after in (0, 1, 2, 9, 20)]
    assert_what_is_accepted_is_right([f'{{"a":"{text}","b":{{"{text}":1}}}}'.encode() for text in texts], ("a", "b"))


def test_strings_and_numbers_of_any_length_are_read_to_the_letter():
    texts = [(string.ascii_lowercase * 3)[:length] for length in range(60)]
    values = [json.dumps({"a": text, "l": [text, text]}).encode() for text in texts]
    values += [b'{"a":%s,"l":[%s.5,"\\n%s"]}' % ((b"1" * length,) * 3) for length in range(1, 60)]
    assert assert_what_is_accepted_is_right(values, ("a", "l[]")).accepted.all()


def test_no_values_have_no_rows():
    assert_what_is_accepted_is_right([], PATHS)


def test_values_are_read_wherever_their_bytes_lie():
    parts = [[json.dumps({"a": "群" * 999, "l": [part, n]}).encode() for n in range(3)] for part in range(4)]
    lying = pl.concat([pl.Series([*part, b"{}"], dtype=pl.Binary) for part in parts])
    mixed = lying.gather([13, 0, 7, 15, 2, 4, 3, 1, 9, 5]).slice(1, 8)
    assert_what_is_accepted_is_right(mixed.to_list(), PATHS, mixed)


def test_rows_of_lists_name_the_accepted_value_they_are_of():
    values = [b'{"l":[{"u":%d},{"u":1}]}' % n if n % 3 else b'{"l":[{"u":1},{"u":"\\q"}]}' for n in range(20)]
    assert_what_is_accepted_is_right(values, ("l[].u", "a"))


def test_no_list_and_no_scalar_is_a_payload():
    assert not any(is_read(value) for value in (b"[]", b'[{"a":1}]', b"null", b'"a"', b"  17  "))


def test_lists_in_elements_of_lists_have_rows_of_both():
    values = [b'{"l":[{"m":[1,2]},{"m":[]},{"m":[3]}]}', b"{", b'{"l":[{"m":[4]},[5,[6]]]}']
    read = assert_what_is_accepted_is_right(values, ("l[].m[]", "l[].n", "a")).of_accepted()
    assert read["l[].m[]"].parent.to_list() == [0, 0, 2, 3]


@pytest.mark.parametrize("n_elements", [0, 3, 100, 5000])
def test_lists_longer_than_there_was_room_for_are_read_in_pieces(n_elements: int):
    values = [
        json.dumps({"a": n, "l": [{"u": n + at} for at in range(n_elements * (n > 3))]}).encode() for n in range(6)
    ]
    assert_what_is_accepted_is_right([*values, b'{"l":[1,2', *values], ("a", "l[].u", "l[].none"))


def test_many_values_are_read_by_several_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_levels, "_PART_ROWS", 10)
    values = [b'{"a":%d,"l":[{"u":%d,"m":["\\n",%d]},{"m":[0]}]}' % (n, n, n) if n % 7 else b"{" for n in range(99)]
    assert_what_is_accepted_is_right(values, ("a", "l[].u", "l[].m[]", "z"))


@pytest.mark.parametrize("is_last", [True, False])
def test_nothing_is_read_beyond_either_end_of_a_buffer(walled: Walled, is_last: bool):
    texts = ["x" * length for length in range(1, 41)] + ["群é😀" * 5, "\\n\\u957f\\ud83d\\ude00" * 3, "\\n" + "x" * 40]
    values = [f'{{"a":"{text}"}}'.encode() for text in texts]
    values += [b"[" + value[5:-1] + b"]" for value in values]
    values += [b"[1,2,3,4,5,6,7]", b"7" + b" " * 12, b'"a"' + b" " * 12]
    for value in values:
        for length in range(13, len(value) + 1):
            cut = walled.column([value[:length]], is_last=is_last)
            assert_what_is_accepted_is_right([value[:length]], ("a",), cut)
            read_levels(cut, {TOP: ("", "a"), "[]": ("",)})


NAMES = [*"abcdluvwmxz", "é", "长", "", "ab", 'q"', "\\", "long_" * 7, "long-" * 7]
SPACES = st.sampled_from(["", "", "", "", " ", "\n", " \t\r\n"])
ESCAPED = {"\n": "\\n", '"': '\\"', "\\": "\\\\", "\t": "\\t", "/": "\\/"}


@st.composite
def written_strings(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A string as JSON, each character plain or as an escape."""
    text = draw(texts)
    way = draw(st.sampled_from(["plain", "short", "numbers"]))
    made = ""
    for character in text:
        units = character.encode("utf-16-be", "surrogatepass")
        numbers = "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
        if way == "numbers":
            made += numbers if draw(st.booleans()) else numbers.upper().replace("\\U", "\\u")
        elif character in ESCAPED and (way == "short" or character != "/"):
            made += ESCAPED[character]
        else:
            made += numbers if ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 else character
    return f'"{made}"'


TEXTS = st.text(max_size=24) | st.sampled_from(
    ["", "群聊", "x" * 13, "长" * 30, "a/b\n", "\0", "😀😀", "\ud83d", "é" * 9]
)
DIGITS = st.from_regex(r"-?[0-9]{1,70}(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
NUMBERS = st.integers().map(str) | st.floats().map(repr) | DIGITS
SCALARS = st.sampled_from(["true", "false", "null"]) | NUMBERS | written_strings(TEXTS)


@st.composite
def written_containers(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    space = draw(SPACES)
    items = draw(st.lists(inner, max_size=4))
    if draw(st.booleans()):
        return "[" + space + f"{space},{space}".join(items) + space + "]"
    names = [draw(written_strings(st.sampled_from(NAMES))) for _ in items]
    members = (f"{name}{space}:{space}{item}" for name, item in zip(names, items, strict=True))
    return "{" + space + f"{space},{space}".join(members) + space + "}"


WRITTEN = st.recursive(SCALARS, written_containers, max_leaves=12)


@st.composite
def mutated_values(draw: st.DrawFn) -> bytes:
    """JSON of many forms, seldom with other bytes."""
    value = bytearray(draw(written_containers(WRITTEN)).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, max(len(value) - 1, 0)))
        byte = draw(st.integers(0, 255) | st.sampled_from((string.digits + '{}[]",:\\ \nu').encode()))
        match draw(st.sampled_from(["replace", "insert", "delete", "cut"])):
            case "replace":
                value[at : at + 1] = [byte]
            case "insert":
                value.insert(at, byte)
            case "delete":
                del value[at : at + 1]
            case _:
                del value[at + 1 :]
    return bytes(value)


LISTS = ("b.l[]", "l[u=1].v", "l[].u[].x", "l[].l[]", "l[].l[].u", "b.l[].m[].x")
some_paths = st.lists(st.sampled_from([*PATHS, *LISTS, "c", "d", "u"]), min_size=1, unique=True)


@examples(600)
@given(st.lists(mutated_values() | st.binary(max_size=40), max_size=8), some_paths)
def test_what_is_accepted_of_json_that_was_changed_at_random_is_right(values: list[bytes], paths: list[str]):
    assert_what_is_accepted_is_right(values, paths)


within = [
    *("s", "a", "s::json", "s::json.a", "s::json.l[].u", "s::json[].a", "s::json.l[].u[].x", "s::json.s::json.a"),
    *("l[].s::json.b.c", "l[].s::json.l[].u"),
]


@examples(600)
@given(
    st.lists(mutated_values().map(lambda value: value.decode(errors="replace")) | st.text(max_size=9), max_size=8),
    st.lists(st.sampled_from(within), min_size=1, unique=True),
)
def test_what_is_accepted_of_json_in_strings_is_right(texts: list[str], paths: list[str]):
    payloads = [{"s": text, "l": [{"s": text}, {"s": 1}, {}], "a": json.dumps({"s": text})} for text in texts]
    payloads += [{"s": payload["a"]} for payload in payloads]
    assert_what_is_accepted_is_right([json.dumps(payload).encode() for payload in payloads], paths)


def test_json_in_strings_is_read_and_other_texts_are_none():
    texts = ['{"a":"\\u957f\\n"}', "hello", "", "[1,2]", "  {}", "群", "-1", "<x/>"]
    values = [json.dumps({"s": text, "l": [{"s": text}, {"s": None}]}).encode() for text in texts]
    read = assert_what_is_accepted_is_right(values, within)
    assert read.accepted.all()
    assert read.of_accepted()[TOP].fields["s::json.a"].to_list() == ["长\n", *[None] * 7]


@examples(400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(mutated_values().filter(lambda value: len(value) > 12), min_size=1, max_size=4), some_paths, st.booleans()
)
def test_values_changed_at_random_are_read_by_paths_from_no_byte_beyond_their_buffer(
    walled: Walled, values: list[bytes], paths: list[str], is_last: bool
):
    assert_what_is_accepted_is_right(values, paths, walled.column(values, is_last=is_last))


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)


@examples(300)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), plain_json), max_size=6), st.booleans())
def test_what_a_writer_of_json_writes_is_accepted(values: list[Any], escapes: bool):
    column = pl.Series([json.dumps(value, ensure_ascii=escapes).encode() for value in values], dtype=pl.Binary)
    assert read_columns(column, fields(PATHS)).accepted.all()
