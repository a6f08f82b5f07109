"""Who of a group's core fell silent, against a plain count."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alerts.core import silent_core
from schemas.lake import PERSON_DAY

SINCE = dt.date(2026, 3, 2)
Row = tuple[str, str, int, int, int]


def person_day(rows: list[Row]) -> pl.LazyFrame:
    """Rows of group, person, days before `SINCE`, messages, reactions."""
    names = ("group_id", "person_id", "day", "messages", "reactions")
    days = [(group, person, SINCE - dt.timedelta(days=ago), wrote, liked) for group, person, ago, wrote, liked in rows]
    return pl.LazyFrame(days, schema={name: PERSON_DAY.schema[name] for name in names}, orient="row")


def found(rows: list[Row]) -> dict[str, tuple[int, list[str]]]:
    groups = pl.LazyFrame({"group_id": ["a", "b"], "since": [SINCE, SINCE]})
    core = silent_core(person_day(rows), groups).collect()
    return {group: (size, silent) for group, size, silent in core.iter_rows()}


def plain(rows: list[Row], group: str) -> tuple[int, list[str]] | None:
    wrote: dict[str, int] = {}
    active = {person for of, person, ago, _, _ in rows if of == group and ago <= 7}
    for of, person, ago, messages, _ in rows:
        if of == group and 7 < ago <= 35 and messages:
            wrote[person] = wrote.get(person, 0) + messages
    ranked = sorted(wrote, key=lambda person: (-wrote[person], person))
    core: list[str] = []
    while 2 * sum(wrote[person] for person in core) < sum(wrote.values()):
        core.append(ranked[len(core)])
    return (len(core), [person for person in core if person not in active]) if core else None


row = st.tuples(
    st.sampled_from("ab"), st.sampled_from("pqrst"), st.integers(-3, 40), st.integers(0, 9), st.integers(0, 2)
)


@given(st.lists(row, max_size=30, unique_by=lambda row: row[:3]))
def test_the_silent_core_is_what_a_plain_count_finds(rows: list[Row]):
    expected = {group: core for group in "ab" if (core := plain(rows, group)) is not None}
    assert found(rows) == expected


def test_who_reacts_is_not_silent_and_who_wrote_less_is_not_of_the_core():
    rows = [("a", "p", 20, 9, 0), ("a", "q", 20, 8, 0), ("a", "r", 20, 1, 0), ("a", "q", 3, 0, 1)]
    assert found(rows) == {"a": (1, ["p"])}
    assert found([*rows, ("a", "s", 9, 9, 0)]) == {"a": (2, ["p", "s"])}
