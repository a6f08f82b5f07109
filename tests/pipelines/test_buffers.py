import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.buffers import bytes_of, column_of


@given(texts=st.lists(st.none() | st.text()), first=st.integers(0, 3))
def test_the_bytes_of_a_column_make_the_column_again(texts, first):
    column = pl.Series("name", texts, pl.String).slice(first)
    contents, positions = bytes_of(column)
    assert column_of("name", contents, positions).to_list() == [text or "" for text in texts[first:]]


def test_nulls_without_a_type_have_no_bytes():
    _, positions = bytes_of(pl.Series("name", [None] * 3))
    assert positions.tolist() == [0, 0, 0, 0]
