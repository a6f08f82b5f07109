"""Whom to talk to in a group that falls ill."""

from __future__ import annotations

import datetime as dt
from itertools import combinations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.contacts import before_fall, contacts
from schemas.lake import CONTACT, PERSON_DAY
from tests.examples import examples

SINCE = dt.date(2026, 3, 30)
END = pl.select(before_fall(pl.lit(SINCE))).item()
PEOPLE = "abcdefg"


def days_of(rows: list[tuple[str, int, int]]) -> pl.LazyFrame:
    """Person, days before the last one before the fall, messages."""
    names = ("group_id", "person_id", "day", "messages")
    known = [("app:g", person, END - dt.timedelta(days=ago), messages) for person, ago, messages in rows]
    return pl.LazyFrame(known, schema={name: PERSON_DAY.schema[name] for name in names}, orient="row")


def found(
    rows: list[tuple[str, int, int]], pairs: list[str] | None = None, orders: str = ""
) -> dict[str, tuple[int, int, int, str]]:
    edges = [("app:g", *sorted(pair)) for pair in pairs or []]
    exchanged = pl.LazyFrame(edges, schema=dict.fromkeys(("group_id", "one", "other"), pl.String), orient="row")
    bought = [("app:g", person, "shop", f"order {number}") for number, person in enumerate(orders)]
    columns = ("group_id", "person_id", "shop", "order_id")
    known = (days_of(rows), exchanged, pl.LazyFrame(bought, dict.fromkeys(columns, pl.String), orient="row"))
    # Another group, of the same persons, is not mixed with it.
    other = (frame.with_columns(group_id=pl.lit("app:h")) for frame in known)
    person_day, exchanged, ordered = (pl.concat(pair) for pair in zip(known, other, strict=True))
    frame = contacts(person_day, exchanged, ordered, pl.DataFrame({"group_id": ["app:g", "app:h"], "since": SINCE}))
    assert frame.schema == CONTACT.schema
    assert frame.filter(group_id="app:h").drop("group_id").equals(frame.filter(group_id="app:g").drop("group_id"))
    frame = frame.filter(group_id="app:g")
    assert frame["place"].to_list() == list(range(1, frame.height + 1))
    return {row[0]: row[1:] for row in frame.select("person_id", "wrote", "linked_pairs", "orders", "why").rows()}


def test_who_wrote_half_of_the_messages_and_fell_silent_is_of_the_core():
    known = found([("a", 3, 10), ("b", 5, 9), ("b", -10, 1), ("c", 2, 1)])
    assert known == {"a": (10, 0, 0, "wrote 10 of 20 messages in 28 days, and has been silent since 2026-03-19")}


def test_what_was_written_longer_ago_is_not_counted():
    assert found([("a", 28, 10), ("b", 27, 1)])["b"][:1] == (1,)


def test_who_answers_with_members_who_do_not_answer_each_other_is_a_bridge():
    rows = [(person, -9, 1) for person in "abcd"]
    assert found(rows, ["ab", "ac", "ad", "bc"]) == {
        "a": (0, 2, 0, "pairs of members who answered this one and not each other: 2")
    }


def test_buyers_come_by_orders_and_who_is_of_several_kinds_comes_first():
    known = found([("a", 1, 9), ("b", -9, 0), ("c", -9, 0)], orders="abbc")
    assert list(known) == ["a", "b", "c"]
    assert known["a"][3].endswith("has been silent since 2026-03-21; orders credited to the group: 1")


def test_of_each_kind_there_are_no_more_than_five():
    rows = [(person, -9, 0) for person in PEOPLE]
    assert list(found(rows, orders=PEOPLE)) == list("abcde")


def test_of_equals_pseudonyms_choose_only_among_those_who_differ_in_nothing():
    rows = [(person, 3, 5) for person in PEOPLE]
    first, last = (sorted(values for values in found(rows, orders=buyers).values()) for buyers in ("ab", "fg"))
    assert first == last


def test_a_group_in_which_nobody_did_anything_has_no_contacts():
    assert found([]) == {}


PAIRS = [f"{one}{other}" for one, other in combinations(PEOPLE, 2)]


@examples(100)
@given(st.lists(st.sampled_from(PAIRS), unique=True, max_size=12))
def test_linked_pairs_are_those_of_a_plain_count(pairs: list[str]):
    known = set(pairs)
    near = {one: {other for pair in pairs if one in pair for other in pair if other != one} for one in PEOPLE}
    expected = {one: sum(f"{b}{c}" not in known for b, c in combinations(sorted(near[one]), 2)) for one in PEOPLE}
    shown = {person: values[1] for person, values in found([(one, -9, 0) for one in PEOPLE], pairs).items()}
    best = sorted((number for number in expected.values() if number), reverse=True)[:5]
    assert sorted(shown.values(), reverse=True) == best
    assert all(expected[person] == number for person, number in shown.items())
