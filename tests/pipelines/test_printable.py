"""What is shown of a text obeys nobody and hides nothing; what belongs to names stays."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.printable import LONGEST_NAME, counted, escape_json, printable, printable_lines, printable_name

HOSTILE = "\x1b\x07\x9b\u202e\u2066\ufeff\u200b\u200c\u200d\ud800 aé茶👩"
ANY = st.text(st.one_of(st.characters(), st.sampled_from(HOSTILE)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x1b[2J\x9b31m\x7f", r"\x1b[2J\x9b31m\x7f"),
        ("one\r\ntwo\tthree", r"one\r\ntwo\tthree"),
        ("photo\u202egnp.exe", r"photo\u202egnp.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c\ufeff\u2028", r"\u2066a\u2069\u200e\u200f\u061c\ufeff\u2028"),
        ("bytes \udcff", r"bytes \udcff"),
        ("a\u200db, \u200dé, é\u200c, é\u200d\u200dé", r"a\u200db, \u200dé, é\u200c, é\u200d\u200dé"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_or_nobody_sees_is_escaped(text: str, shown: str):
    assert printable(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        "[red]not markup[/red] :smile:",
        "C:\\teams", "茶友会", "👩\u200d💻 ❤\ufe0f\u200d🔥", "می\u200cخواهم", "क्\u200dष",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "葛\U000e0100", "caf\u0065\u0301", "",
    ],
)  # fmt: skip
def test_names_of_every_script_stay_as_they_are(name: str):
    assert printable(name) == name


@given(ANY)
def test_nothing_that_is_shown_controls_a_terminal_or_turns_its_direction(text: str):
    shown = printable(text)
    assert not [each for each in shown if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [each for each in shown if unicodedata.bidirectional(each) in ("LRE", "RLE", "LRO", "RLO", "PDF")]
    assert not [each for each in shown if unicodedata.bidirectional(each) in ("LRI", "RLI", "FSI", "PDI")]
    assert printable(shown) == shown


@given(ANY)
def test_a_name_has_a_greatest_length(name: str):
    assert len(printable_name(name * 9)) <= LONGEST_NAME


@given(ANY)
def test_lines_stay_lines_and_each_is_printable(text: str):
    assert printable_lines(text).split("\n") == [printable(line) for line in text.expandtabs().split("\n")]


@given(st.dictionaries(ANY, ANY))
def test_json_says_the_same_in_characters_that_are_seen(value: dict[str, str]):
    document = escape_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(document) == value
    assert printable_lines(document) == document


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 records"), (1, "1 record"), (2, "2 records"), (1_024, "1,024 records")]
)
def test_one_is_told_in_the_singular(number: int, told: str):
    assert counted(number, "record") == told
    assert counted(number, "entry", "entries").endswith("entry" if number == 1 else "entries")
