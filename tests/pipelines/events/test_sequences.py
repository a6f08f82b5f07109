"""Ranges of numbers against sets of numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.base import NUMBERED_SCHEMA
from pipelines.events.sequences import bounded, missing, ranges_of, union
from schemas.lake import SEQUENCE_RANGE
from tests.examples import examples
from tests.pipelines.canonical import NOON

Number = tuple[str | None, int]
"""Of a group, or of all that a topic has."""


def sent_at(number: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=number)


def ranges(*numbers: Number, topic: str = "chat") -> pl.DataFrame:
    rows = [(row, "qq", group, None, number, sent_at(number)) for row, (group, number) in enumerate(numbers)]
    numbered = pl.DataFrame(rows, schema=NUMBERED_SCHEMA, orient="row")
    return ranges_of(numbered.with_columns(topic=pl.lit(topic), kafka_time=pl.lit(NOON)))


def of_group(*numbers: int) -> pl.DataFrame:
    return ranges(*(("qq:1", number) for number in numbers))


def gaps(stored: pl.DataFrame) -> set[Number]:
    """Each missing number of each sequence."""
    return {
        (group, number)
        for group, start, stop in missing(stored).select("group_id", "from_number", "to_number").iter_rows()
        for number in range(start, stop)
    }


def expected(numbers: Iterable[Number]) -> set[Number]:
    """What lies between the least and the greatest number of each sequence and is not among them."""
    by_group: dict[str | None, set[int]] = {}
    for group, number in numbers:
        by_group.setdefault(group, set()).add(number)
    return {
        (group, number)
        for group, found in by_group.items()
        for number in range(min(found), max(found))
        if number not in found
    }


NUMBERS = st.lists(st.tuples(st.sampled_from(["qq:1", "qq:2", None]), st.integers(0, 25)), min_size=1, max_size=40)


@examples(300)
@given(NUMBERS, st.data())
def test_in_any_order_delivered_again_and_in_any_batches_the_same_is_missing(
    numbers: list[Number], data: st.DataObject
):
    delivered = data.draw(st.permutations(numbers + data.draw(st.lists(st.sampled_from(numbers)))))
    stored = pl.DataFrame(schema=SEQUENCE_RANGE.schema)
    while delivered:
        size = data.draw(st.integers(1, len(delivered)))
        batch, delivered = delivered[:size], delivered[size:]
        stored = pl.concat([stored, ranges(*batch)])
        if data.draw(st.booleans()):
            stored = bounded(union(stored))
    assert gaps(stored) == expected(numbers)
    assert missing(stored)["numbers"].sum() == len(expected(numbers))


@examples(200)
@given(NUMBERS, st.integers(1, 4))
def test_however_few_ranges_stay_apart_as_much_is_missing(numbers: list[Number], most: int):
    stored = bounded(union(ranges(*numbers)), most)
    assert missing(stored)["numbers"].sum() == len(expected(numbers))
    of = ["source", "sequence"]
    assert (stored.group_by(of).len()["len"] <= most + 1).all()
    # Once more changes nothing, and no newer number counts the lost ones again.
    assert bounded(union(stored), most).equals(stored)


def test_what_comes_late_closes_its_gap():
    stored = of_group(1, 2, 5)
    assert gaps(stored) == {("qq:1", 3), ("qq:1", 4)}
    assert gaps(pl.concat([stored, of_group(4)])) == {("qq:1", 3)}
    assert missing(pl.concat([stored, of_group(4), of_group(3)])).is_empty()


def test_a_gap_lies_between_the_times_of_what_came_before_and_behind_it():
    [found] = missing(of_group(1, 2, 7)).to_dicts()
    assert (found["after"], found["before"]) == (sent_at(2), sent_at(7))


def test_what_is_of_no_group_is_of_its_topic():
    stored = pl.concat([ranges((None, 1), (None, 3)), ranges((None, 2), topic="another")])
    [found] = missing(stored).to_dicts()
    assert (found["sequence"], found["group_id"], found["numbers"]) == ("chat", None, 1)


def test_the_sequence_of_a_group_is_the_same_in_two_topics():
    assert missing(pl.concat([of_group(1, 3), ranges(("qq:1", 2), topic="the other bot's")])).is_empty()


def test_without_a_time_of_its_own_a_number_has_that_of_kafka():
    rows = pl.DataFrame([(0, "wecom", None, None, 7, None)], schema=NUMBERED_SCHEMA, orient="row")
    [found] = ranges_of(rows.with_columns(topic=pl.lit("chat"), kafka_time=pl.lit(NOON))).to_dicts()
    assert found["first_at"] == found["last_at"] == NOON
