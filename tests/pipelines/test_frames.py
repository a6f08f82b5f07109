"""What two frames have and have not in common."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.frames import Changed, differing
from tests.examples import examples

Row = tuple[str | None, float | None, list[tuple[int, str | None]] | None]

SCHEMA = {
    "text": pl.String(),
    "number": pl.Float64(),
    "list": pl.List(pl.Struct({"a": pl.Int64(), "b": pl.String()})),
}
A_FEW = st.sampled_from([None, "", "a"])
ROW = st.tuples(
    A_FEW,
    st.sampled_from([None, 0.0, 1.5, float("nan")]),
    st.sampled_from([None, [], [(1, "a")], [(1, None)], [(1, "a"), (1, None)]]),
)


def frame(rows: list[Row]) -> pl.DataFrame:
    structs = [
        (text, number, None if parts is None else [{"a": a, "b": b} for a, b in parts]) for text, number, parts in rows
    ]
    return pl.DataFrame(structs, schema=SCHEMA, orient="row")


@given(st.lists(ROW, max_size=8), st.lists(ROW, max_size=8))
@examples(100)
def test_rows_that_the_other_frame_has_not_are_those_that_a_join_by_all_columns_leaves(
    one: list[Row], other: list[Row]
) -> None:
    left, right = frame(one), frame(other)
    found = differing(left, right)
    assert found[0].equals(left.join(right, on=left.columns, how="anti", nulls_equal=True))
    assert found[1].equals(right.join(left, on=left.columns, how="anti", nulls_equal=True))


def test_rows_of_one_hash_are_told_apart_by_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.DataFrame, "hash_rows", lambda rows: pl.repeat(1, rows.height, eager=True, dtype=pl.UInt64))
    left, right = pl.DataFrame({"a": [1, 2, 3]}), pl.DataFrame({"a": [3, 4]})
    assert [rows["a"].to_list() for rows in differing(left, right)] == [[1, 2], [4]]


KEYED = st.dictionaries(st.integers(0, 4), ROW, max_size=4)
"""Rows by their keys."""


def keyed(rows: dict[int, Row]) -> pl.DataFrame:
    return frame(list(rows.values())).with_columns(pl.Series("key", list(rows), pl.Int64))


def sorted_by_key(rows: pl.DataFrame) -> list[tuple[object, ...]]:
    return rows.sort("key", "text", "number", nulls_last=True).rows()


@given(KEYED, KEYED, KEYED)
@examples(100)
def test_two_changes_in_a_row_are_the_change_from_the_first_to_the_last(
    one: dict[int, Row], two: dict[int, Row], three: dict[int, Row]
) -> None:
    first, second, third = keyed(one), keyed(two), keyed(three)
    both = Changed.between(["key"], first, second).then(["key"], Changed.between(["key"], second, third))
    at_once = Changed.between(["key"], first, third)
    assert repr(sorted_by_key(both.gone)) == repr(sorted_by_key(at_once.gone))
    assert repr(sorted_by_key(both.come)) == repr(sorted_by_key(at_once.come))


@given(KEYED, KEYED)
@examples(100)
def test_of_what_shares_a_value_with_a_row_that_differs_all_rows_are_found(
    one: dict[int, Row], other: dict[int, Row]
) -> None:
    before, now = keyed(one), keyed(other)
    changed = Changed.between(["key"], before, now)
    was, given_now = changed.whole(now.lazy(), ["key"], "text")
    texts = set(changed.rows["text"].drop_nulls())
    for found, rows in ((was, before), (given_now, now)):
        wanted = rows.filter(pl.col("text").is_in(list(texts)))
        assert repr(sorted_by_key(found)) == repr(sorted_by_key(wanted))
