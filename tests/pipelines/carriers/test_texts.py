"""Measures of texts: what a column gives, each text gives; without the key a hash says nothing."""

from __future__ import annotations

import sys
from hashlib import blake2b

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.bare_texts import bare_texts
from pipelines.carriers.blake2 import keyed_hashes
from pipelines.carriers.texts import Texts
from tests.examples import examples

TEXTS = Texts(b"a key")


@pytest.mark.parametrize(
    ("text", "links", "mentions"),
    [
        ("", 0, 0),
        ("see https://example.com and HTTP://example.org", 2, 0),
        ("@Ann and @Bo", 0, 2),
        ("你好@张三 你好", 0, 1),
        ("ann@example.com", 0, 0),
        ("a @ b", 0, 0),
        ("https://", 0, 0),
    ],
)
def test_links_and_mentions_are_counted(text, links, mentions):
    measured = TEXTS.of(text)
    assert isinstance(measured, dict)
    assert (measured["length"], measured["links"], measured["mentions"]) == (len(text), links, mentions)


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])) | st.text(alphabet="@ a.h:/tps")))
@examples(150)
def test_a_column_is_measured_as_its_texts_are(texts):
    column = TEXTS.column(pl.Series("text", texts, pl.String)).to_list()
    assert column == [None if text is None else TEXTS.of(text) for text in texts]


def test_copies_that_differ_in_case_and_white_space_have_one_hash():
    assert TEXTS.hash("Buy  NOW\n") == TEXTS.hash("buy now") != TEXTS.hash("buy later")


def test_another_key_gives_another_hash():
    assert TEXTS.hash("hi") != Texts(b"another key").hash("hi")


def test_kept_texts_stay():
    keeping = Texts(b"a key", keeps=True)
    assert keeping.of("hi") == "hi"
    assert keeping.column(pl.Series(["hi", None])).to_list() == ["hi", None]


def test_the_key_is_not_shown():
    assert "a key" not in repr(TEXTS)


PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize("key", [b"", b"k", b"k" * 64])
@pytest.mark.parametrize("n_bytes", [1, 16, 64])
def test_hashes_of_texts_of_any_length_are_those_of_the_standard_library(key: bytes, n_bytes: int):
    texts = pl.Series(["", "x", *("é" * length for length in range(60, 68)), "x" * 128, "x" * 300, "群" * 99])
    hashes = [blake2b(text.encode(), key=key, digest_size=n_bytes).hexdigest() for text in texts]
    assert keyed_hashes(texts, key, n_bytes).to_list() == hashes
    assert keyed_hashes(texts[3:7], key, n_bytes).to_list() == hashes[3:7]


@examples(100)
@given(st.lists(PLAIN_TEXT))
def test_a_column_is_hashed_as_its_texts_are(texts: list[str]):
    assert TEXTS.identities_of(pl.Series(texts, dtype=pl.String)).to_list() == TEXTS.identities(texts)


@examples(100)
@given(st.lists(PLAIN_TEXT | st.text("aB Σσ群 😀\u3000\xa0…İ\n\x1c"), max_size=9))
def test_a_text_is_bare_as_python_lowers_and_splits_it(texts: list[str]):
    expected = ["".join(text.lower().split()) for text in texts]
    assert bare_texts(pl.Series(texts, dtype=pl.String)).to_list() == expected


def test_every_character_with_a_case_and_every_white_space_is_left_out_or_lowered():
    every = map(chr, range(sys.maxunicode + 1))
    odd = [one for one in every if one.lower() != one or one.isspace()]
    assert bare_texts(pl.Series(odd)).to_list() == ["".join(one.lower().split()) for one in odd]
