"""What two frames have and have not in common."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.frames import differing
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
