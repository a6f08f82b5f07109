"""Compiled code decodes percent-encoded texts as the standard library does."""

from __future__ import annotations

from urllib.parse import quote_plus, unquote_plus

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.percent import percent_decoded
from tests.examples import examples

PIECES = st.one_of(
    st.text(max_size=4).map(quote_plus),
    st.text(max_size=4),
    st.sampled_from(["%", "%%", "%4", "%zz", "%E4", "%e4%bd%a0", "%B8é", "+", "%2B", "%00", "%F0%9F", "你%", "a+b"]),
)
TEXTS = st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=6)


@examples(300)
@given(TEXTS)
def test_texts_are_decoded_as_the_standard_library_decodes_them(texts: list[str]):
    assert percent_decoded(pl.Series(texts, dtype=pl.String)).to_list() == [unquote_plus(text) for text in texts]


@pytest.mark.parametrize("first", [0, 2])
def test_a_part_of_a_column_is_decoded(first: int):
    texts = pl.Series(["%E4%BD%A0", "a+b", "%E4", "100%"])[first:]
    assert percent_decoded(texts).to_list() == [unquote_plus(text) for text in texts]
