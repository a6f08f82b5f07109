"""What all adapters share: each value is an object or a reason, and missing fields are null columns."""

from __future__ import annotations

from typing import Annotated

import msgspec
import polars as pl
import pytest

from pipelines.carriers.base import DECODED_SCHEMA, MAX_VALUE_BYTES, REJECTED_SCHEMA, columns, parse

parse_number = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0)]).decode


def test_each_value_is_an_object_or_a_reason_in_the_order_of_the_rows():
    rows, numbers, rejected = parse([b"7", b"x", b"8", b"-1", b""], parse_number)
    assert (rows, numbers) == ([0, 2], [7, 8])
    assert rejected.select("row", "reason").rows() == [(1, "bad_json"), (3, "invalid_field"), (4, "empty_value")]


def test_no_values_are_no_rows_in_the_columns_of_the_rejected():
    rows, numbers, rejected = parse([], parse_number)
    assert (rows, numbers, rejected.schema) == ([], [], REJECTED_SCHEMA)


@pytest.mark.parametrize(("size", "is_read"), [(MAX_VALUE_BYTES, True), (MAX_VALUE_BYTES + 1, False)])
def test_a_value_is_read_up_to_the_limit(size: int, is_read: bool):
    rows, _, _ = parse([b"1".ljust(size)], parse_number)
    assert bool(rows) == is_read


def test_an_error_of_the_adapter_itself_is_not_taken_for_bad_input():
    def broken(_value: bytes) -> int:
        raise KeyError("a defect")

    with pytest.raises(KeyError, match="a defect"):
        parse([b"1"], broken)


def test_columns_not_given_have_what_most_events_have_and_all_the_types_of_the_contract():
    frame = columns([3], {"event_id": ["e"], "type": pl.lit("message.sent"), "carrier": pl.col("event_id")})
    assert frame.schema == DECODED_SCHEMA
    given = {name: value for name, value in frame.row(0, named=True).items() if value is not None}
    told = {"row": 3, "event_id": "e", "type": "message.sent", "carrier": "e"}
    assert given == {**told, "position": 0, "time_quality": "exact"}


def test_columns_of_no_rows_have_the_types_of_the_contract():
    assert columns([], {"event_id": [], "type": pl.lit("message.sent")}).equals(pl.DataFrame(schema=DECODED_SCHEMA))
