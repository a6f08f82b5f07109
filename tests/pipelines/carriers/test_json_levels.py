"""The compiled reader by paths says of every value that it accepts what msgspec and a plain walk say."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipelines.carriers import json_levels
from pipelines.carriers.json_levels import KIND, ScannedLevels, read_levels
from pipelines.carriers.json_paths import ELEMENT, MAX_DEPTH, level_and_field, steps
from tests.examples import examples
from tests.pipelines.carriers.walled import Walled


class Fraction(str):
    """The text of a number that is not whole."""


DECODER = msgspec.json.Decoder(float_hook=Fraction)
Row = dict[str, Any]


def scalar(value: Any) -> tuple[str | None, int]:
    match value:
        case None:
            return None, 1
        case Fraction():
            return str(value), 4
        case str():
            return value, 2
        case bool():
            return str(value).lower(), 5
        case int():
            return str(value), 3
    return None, 6 if isinstance(value, dict) else 7


def walked(values: Iterable[bytes], paths: Sequence[str]) -> dict[str, list[Row]]:
    """The rows of every level, with parent and index, of values that are JSON."""
    rows: dict[str, list[Row]] = {}
    names: dict[str, list[str]] = {"": []}
    for path in paths:
        level, field = level_and_field(path)
        for n, _ in enumerate(level.split(ELEMENT)):
            names.setdefault(ELEMENT.join(level.split(ELEMENT)[:n]) + ELEMENT * bool(n), [])
        names[level].append(field)
    for name in names:
        rows[name] = []

    def found(value: Any, parts: list[str]) -> Any:
        for part in parts:
            if not isinstance(value, dict) or part not in value:
                return ...
            value = value[part]
        return value

    def add(level: str, value: Any, place: Row) -> None:
        row: Row = dict(place)
        for field in names[level]:
            one = found(value, steps(field))
            row[field], row[field + KIND] = (None, 0) if one is ... else scalar(one)
        rows[level].append(row)
        number = len(rows[level]) - 1
        for below in names:
            prefix, _, rest = below.removesuffix(ELEMENT).rpartition(ELEMENT)
            if below and prefix + ELEMENT * bool(prefix) == level:
                of = found(value, steps(rest.removeprefix(".") if prefix else below.removesuffix(ELEMENT)))
                for index, element in enumerate(of if isinstance(of, list) else []):
                    add(below, element, {"parent": number, "index": index})

    for value in values:
        add("", DECODER.decode(value), {})
    return rows


def as_rows(scanned: ScannedLevels) -> dict[str, list[Row]]:
    rows = {}
    for name, level in scanned.levels.items():
        frame = level.fields
        if level.parent is not None and level.index is not None:
            frame = frame.with_columns(parent=level.parent, index=level.index)
        rows[name] = frame.to_dicts()
    return rows


def assert_what_is_accepted_is_right(
    values: list[bytes], paths: Sequence[str], column: pl.Series | None = None
) -> None:
    scanned = read_levels(pl.Series(values, dtype=pl.Binary) if column is None else column, paths)
    assert len(scanned.accepted) == len(values)
    kept = [value for value, is_kept in zip(values, scanned.accepted, strict=True) if is_kept]
    expected = walked(kept, paths)
    if not scanned.levels[""].fields.width:
        expected[""] = []
    assert as_rows(scanned) == expected


def is_read(value: bytes, paths: Sequence[str] = ("a", "b.c", "b", "l[].u", "l[]", "l")) -> bool:
    assert_what_is_accepted_is_right([value], paths)
    return read_levels(pl.Series([value], dtype=pl.Binary), paths).accepted[0]


PATHS = (
    "a",
    "b.c",
    "b",
    "b.c.d",
    "l[].u",
    "l[]",
    "l",
    "l[].v.w",
    "b.m[].x",
    "é.长",
    "a_name_of_more_than_32_bytes_in_all",
)


@pytest.mark.parametrize(
    "value",
    [
        b"{}", b"[]", b"null", b"{\"a\":1}", b'{"a":"x"}', b' { "a" : "x" } ', b'{"a":null,"b":{"c":true}}',
        b'{"b":{"c":{"d":1}}}', b'{"b":[1,{"c":2}]}', b'{"l":[{"u":1},{"u":"2","v":{"w":3}},4,null,[]]}', b'{"l":{}}',
        b'{"x":{"a":1,"l":[{"u":1}]},"a":[{"a":1}]}', b'{"":1,"a":{"":2}}', '{"é":{"长":"文本 😀"},"a":"é"}'.encode(),
        b'{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\u957f\\ud83d\\ude00 and so on"}',
        b'{"\\u0061":1,"\\u00e9":{"\\u957f":2}}',
        b'{"a":-12,"b":0,"l":[1.50,-0.0,1e5,1E-05,2.5e+10,12345678901234567890,-98765432109876543210]}',
        b'{"a_name_of_more_than_32_bytes_in_all":1,"a_name_of_more_than_32_bytes_of_it":2}',
        b'{"z":1,"z":2,"z":{"a":1,"a":2}}', b'{"b":{"m":[{"x":1},{"x":2}]},"l":[]}', b'"a"', b"  17  ",
        b'{"z":' + b"[" * (MAX_DEPTH - 1) + b"1" + b"]" * (MAX_DEPTH - 1) + b"}",
    ],
)  # fmt: skip
def test_json_of_any_form_is_read(value: bytes):
    assert is_read(value, PATHS)


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
        b"[" * (MAX_DEPTH + 1) + b"1" + b"]" * (MAX_DEPTH + 1),
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
    assert read_levels(pl.Series(values), ("a", "l[]")).accepted.all()
    assert_what_is_accepted_is_right(values, ("a", "l[]"))


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


def test_lists_of_lists_have_rows_of_both():
    assert_what_is_accepted_is_right(
        [b'{"l":[{"m":[1,2]},{"m":[]},{"m":[3]}]}', b"{", b'{"l":[{"m":[4]},[5,[6]]]}'],
        ("l[].m[]", "l[].n", "l[][]", "l[][][]", "a"),
    )


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
    values += [b"[" + value[5:-1] + b"]" for value in values] + [
        b"[1,2,3,4,5,6,7]",
        b"7" + b" " * 12,
        b'"a"' + b" " * 12,
    ]
    for value in values:
        if len(value) > 12:
            assert_what_is_accepted_is_right([value], ("a", "[]", ""), walled.column([value], is_last=is_last))
        for length in range(13, len(value)):
            cut = walled.column([value[:length]], is_last=is_last)
            assert_what_is_accepted_is_right([value[:length]], ("a", "[]", ""), cut)


NAMES = [
    "a",
    "b",
    "c",
    "d",
    "l",
    "u",
    "v",
    "w",
    "m",
    "x",
    "é",
    "长",
    "",
    "z",
    "ab",
    'q"',
    "\\",
    PATHS[-1],
    PATHS[-1][:-1] + "x",
]
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


some_paths = st.lists(st.sampled_from([*PATHS, "", "[]", "[].a", "l[].u[].x", "c", "d", "u"]), min_size=1, unique=True)


@examples(600)
@given(st.lists(mutated_values() | st.binary(max_size=40), max_size=8), some_paths)
def test_what_is_accepted_of_json_that_was_changed_at_random_is_right(values: list[bytes], paths: list[str]):
    assert_what_is_accepted_is_right(values, paths)


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
    assert read_levels(column, PATHS).accepted.all()
