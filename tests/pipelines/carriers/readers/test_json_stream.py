"""JSON as a stream: the same values however it is cut, as they were written."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.readers import json_stream
from pipelines.carriers.readers.json_stream import JsonStream, NotJson, decode_item
from tests.examples import examples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def items(text: bytes, size: int) -> list[object]:
    stream = JsonStream((text[at : at + size] for at in range(0, len(text), size)), Counter())
    found = stream.values(lambda path: path in ((), ("a",), ("a", "b")), lambda path: len(path) == 3)
    return [json.loads(value) for _, value in found]


@given(st.lists(JSON), JSON, st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
@examples(150)
def test_items_of_a_list_deep_inside_are_what_a_parser_finds(wanted, other, size, indent, is_ascii):
    document = {"x": other, "a": {"y": other, "b": wanted, "z": other}, "w": other}
    text = json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode(errors="replace")
    assert items(text, size) == json.loads(text)["a"]["b"]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_values_stay_as_they_were_written(size):
    text = b'{"a": {"b": [9007199254740993, 1.10, "\\u00e4\\"]}", {"c": [1]}]}}'
    stream = JsonStream((text[at : at + size] for at in range(0, len(text), size)), Counter())
    found = stream.values(lambda path: len(path) < 3, lambda _: True)
    assert [value for path, value in found if len(path) == 3][:3] == [b"9007199254740993", b"1.10", b'"\\u00e4\\"]}"']


@pytest.mark.parametrize("text", [b'{"a" 1}', b"{1: 2}", b'{"a": ,}', b"[1, :]"])
def test_what_is_no_json_outside_of_items_is_named_with_its_place(text):
    with pytest.raises(NotJson, match=r"byte \d+ is"):
        list(JsonStream([text], Counter()).values(lambda path: len(path) < 2, lambda _: True))


def test_an_item_that_is_too_large_is_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(json_stream, "_MOST_ITEM_BYTES", 100)
    text = json.dumps([1, "x" * 1000, 2]).encode()
    repairs = Counter()
    stream = JsonStream((text[at : at + 50] for at in range(0, len(text), 50)), repairs)
    assert [value for _, value in stream.values(lambda path: not path, lambda _: True)] == [b"1", b"2"]
    assert repairs == {json_stream.TOO_LARGE: 1}


def test_raw_control_characters_in_a_text_are_repaired():
    repairs = Counter()
    assert decode_item(b'{"text": "a\x01b\nc"}', repairs) == {"text": "a\x01b\nc"}
    assert repairs == {json_stream.RAW_CONTROLS: 1}


def test_a_document_nested_without_end_ends_nothing():
    repairs = Counter()
    assert decode_item(b"[" * 100_000 + b"]" * 100_000, repairs) is None
    assert repairs == {json_stream.DAMAGED: 1}
