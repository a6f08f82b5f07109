"""Measures of texts: what a column gives, each text gives; without the key a hash says nothing."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
