"""Measures in the place of texts give the same events, and no word of a person is left."""

from __future__ import annotations

import msgspec
import pytest

from pipelines.carriers.texts import Texts
from tests.pipelines.carriers.mapping.beacon import HEAD, message, sending

KEY = Texts(b"a key")
WORDS = "See https://tea.example/1 and\n https://tea.example/2 你好 @ann"


def carrier(text: str, *texts: str, more: str = ""):
    return sending(f"text: {text}", HEAD + f"texts: {msgspec.json.encode(texts).decode()}\n" + more)


PLAIN = carrier('"{text}"', "text")
SEGMENTS = carrier('{of: "parts[type=text].say"}', "parts[].say")
PREFIXED = carrier("{of: text, strip: '^[a-z]+:'}", "text")


def test_a_text_and_its_measures_give_the_same_event():
    value = message(text=WORDS)
    [measured] = PLAIN.measured([value], KEY)
    assert PLAIN.decode([measured]).events.equals(PLAIN.decode([value]).events)
    row = PLAIN.decode([value]).events.row(0, named=True)
    assert (row["text_length"], row["links"], row["mentions"]) == (len(WORDS), 2, 1)


def test_no_word_is_left():
    [measured] = PLAIN.measured([message(text=WORDS)], KEY)
    assert b"tea" not in measured
    assert msgspec.json.decode(measured)["text"].keys() == {"length", "links", "mentions", "hash"}


def test_texts_that_differ_in_space_and_case_have_one_hash_and_another_key_gives_another():
    values = PLAIN.measured([message(text=text) for text in ("Buy  TEA", "buy tea ", "buy coffee")], KEY)
    hashes = [msgspec.json.decode(value)["text"]["hash"] for value in values]
    assert (hashes[0] == hashes[1], hashes[0] == hashes[2]) == (True, False)
    assert PLAIN.measured([message(text="Buy TEA")], Texts(b"another")) != PLAIN.measured(
        [message(text="Buy TEA")], KEY
    )


def test_texts_of_a_list_are_measured_each_and_counted_together():
    value = message(
        parts=[{"type": "text", "say": "abc"}, {"type": "image", "say": "xx"}, {"type": "text", "say": "@e"}]
    )
    [measured] = SEGMENTS.measured([value], KEY)
    events = [SEGMENTS.decode([one]).events for one in (value, measured)]
    assert [frame.select("text_length", "mentions").row(0) for frame in events] == [(5, 1), (5, 1)]


def test_a_text_in_json_in_a_string_is_measured_there():
    inside = carrier('"{content::json.text}"')
    value = message(content='{"text":"tea for you","n":1}')
    [measured] = inside.measured([value], KEY)
    assert b"tea" not in measured
    assert isinstance(msgspec.json.decode(measured)["content"], str)
    assert [inside.decode([one]).events["text_length"].item() for one in (value, measured)] == [11, 11]
    assert inside.measured([message(content="no JSON")], KEY) == [message(content="no JSON")]


def test_what_does_not_count_of_a_text_is_kept_in_front():
    [measured] = PREFIXED.measured([message(text="ann:hello")], KEY)
    assert msgspec.json.decode(measured)["text"]["head"] == "ann:"
    assert PREFIXED.decode([measured]).events["text_length"].item() == 5


def test_sentences_of_the_platform_stay():
    keeping = carrier('"{text}"', "text", more="keeps: [{kind: notice}]\n")
    values = [message(text="ann joined", kind="notice"), message(text="ann joined", kind="talk")]
    kept, measured = keeping.measured(values, KEY)
    assert (kept == values[0], b"joined" in measured) == (True, False)


@pytest.mark.parametrize("value", [b"", b"no JSON", b"[]", message(), message(text=5), message(text=None)])
def test_what_has_no_text_stays_as_it_is(value: bytes):
    assert PLAIN.measured([value], KEY) == [value]


def test_markup_does_not_count():
    satori = carrier("{of: text, markup: tags}", "text")
    row = satori.decode([message(text='<at id="1"/>a &amp; b <a href="https://x.y">here</a>')]).events.row(
        0, named=True
    )
    assert (row["text_length"], row["links"]) == (len("a & b here"), 1)


def test_a_company_that_keeps_texts_keeps_them():
    value = message(text=WORDS)
    assert PLAIN.measured([value], Texts(b"a key", keeps=True)) == [value]


def test_what_the_payload_says_of_links_and_mentions_goes_over_what_is_counted():
    said = carrier('"{text}"\nlinks: {of: "{n}"}\nmentions: {count: "named[]"}\ntext_length: {of: "{size}"}', "text")
    row = said.decode([message(text=WORDS, n=7, named=[1, 2, 3], size=9)]).events.row(0, named=True)
    assert (row["text_length"], row["links"], row["mentions"]) == (len(WORDS), 7, 3)


def test_only_what_is_taken_off_the_front_is_kept_as_its_head():
    coded = carrier("{of: text, strip: '\\[CQ:[^\\]]*\\]'}", "text")
    tagged = carrier("{of: text, markup: tags}", "text")
    for one, text in ((coded, "[CQ:share,title=tea for you]"), (tagged, "<img title='tea for you'/>")):
        [measured] = one.measured([message(text=text)], KEY)
        assert b"tea" not in measured
