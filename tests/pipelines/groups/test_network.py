"""The network of replies is measured as an oracle measures it, edge by edge and walk by walk."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.network import group_network
from schemas import kinds
from tests.examples import examples
from tests.pipelines.funnel.samples import Event, at, event, frame, key, numbered

LATE = dt.date(2024, 3, 15)


def wrote(person: str, days: float, message: str | None = None, to: str | None = None, **fields: Any) -> Event:
    time = at(days)
    day = time.astimezone(dt.timezone(dt.timedelta(hours=8))).date()
    given_fields = {"group_id": "qq:1", "message_id": message, "reply_to": to, "month": day.replace(day=1), **fields}
    return event(kinds.MESSAGE_SENT, time, person, **given_fields)


def measured(*events: Event, through: dt.date | None = LATE) -> dict[str, Any]:
    return group_network(frame(numbered(events)), through).collect().row(0, named=True)


def star(leaves: int) -> list[Event]:
    return [wrote("hub", 1, "m"), *(wrote(f"leaf {n}", 2, f"r{n}", "m") for n in range(leaves))]


@pytest.mark.parametrize(
    ("events", "persons", "pairs", "largest", "decentralisation", "fragmentation"),
    [
        pytest.param(star(4), 5, 4, 5, 0.0, 0.0, id="a star hangs on one"),
        pytest.param(
            [*star(2), wrote("leaf 0", 3, "x", "r1")], 3, 3, 3, 1.0, 0.0, id="a triangle is tied alike everywhere"
        ),
        pytest.param([*star(2), wrote("alone", 4)], 4, 2, 3, 2 / 6, 1 / 4, id="who is not answered is a part"),
        pytest.param(star(1), 2, 1, 2, None, 0.0, id="two are neither central nor not"),
        pytest.param([wrote("a", 1), wrote("b", 1), wrote("c", 1)], 3, 0, 1, None, None, id="nobody answers"),
        pytest.param([wrote("a", 1, "m"), wrote("a", 2, to="m")], 1, 0, 1, None, None, id="an answer to oneself"),
        pytest.param(
            [*star(2), wrote("op", 3, to="m", role="operator")], 3, 2, 3, 0.0, 0.0, id="an operator is no member"
        ),
        pytest.param([wrote("a", 1, "m"), wrote("b", 29.01, to="m")], 2, 0, 1, None, None, id="an answer too late"),
    ],
)
def test_networks_whose_measures_are_known(
    events: list[Event],
    persons: int,
    pairs: int,
    largest: int,
    decentralisation: float | None,
    fragmentation: float | None,
):
    row = measured(*events)
    assert (row["persons"], row["pairs"], row["largest"]) == (persons, pairs, largest)
    assert row["decentralisation"] == (None if decentralisation is None else pytest.approx(decentralisation))
    assert row["fragmentation"] == (None if fragmentation is None else pytest.approx(fragmentation))


def test_who_was_answered_in_a_month_belongs_to_it_also_without_writing():
    rows = group_network(frame(numbered([wrote("a", 29, "m"), wrote("b", 32, to="m")])), LATE).collect()
    assert {(row["month"].month, row["persons"], row["pairs"]) for row in rows.iter_rows(named=True)} == {
        (1, 1, 0),
        (2, 2, 1),
    }


@pytest.mark.parametrize(
    ("through", "is_over"), [(None, False), (dt.date(2024, 1, 30), False), (dt.date(2024, 1, 31), True)]
)
def test_a_month_is_complete_with_its_last_day(through: dt.date | None, is_over: bool):
    assert measured(*star(2), through=through)["is_complete"] == is_over


def oracle(events: list[Event]) -> dict[tuple[str, dt.date], tuple[Any, ...]]:
    """Each network as sets, its components by walking from node to node."""
    nodes, ties, replies = defaultdict(set), defaultdict(set), defaultdict(int)
    said = [e for e in sorted(events, key=key) if e["role"] == "member" and e["group_id"]]
    for answer in said:
        cell = answer["group_id"], answer["month"]
        nodes[cell].add(answer["person_id"])
        for first in said:
            age = answer["time"] - first["time"]
            is_answered = (first["group_id"], first["message_id"]) == (answer["group_id"], answer["reply_to"])
            if answer["reply_to"] and is_answered and dt.timedelta() <= age <= dt.timedelta(days=28):
                if first["person_id"] != answer["person_id"]:
                    nodes[cell].add(first["person_id"])
                    ties[cell].add(frozenset((first["person_id"], answer["person_id"])))
                    replies[cell] += 1
                break
    found = {}
    for cell, members in nodes.items():
        degree = {one: sum(one in tie for tie in ties[cell]) for one in members}
        sizes, left = [], set(members)
        while left:
            part, edge = set(), {left.pop()}
            while edge:
                part |= edge
                edge = {other for tie in ties[cell] if tie & edge for other in tie} - part
            left -= part
            sizes.append(len(part))
        n, excess = len(members), sum(max(degree.values()) - one for one in degree.values())
        found[cell] = (
            n,
            len(ties[cell]),
            replies[cell],
            max(sizes),
            1 - excess / ((n - 1) * (n - 2)) if ties[cell] and n >= 3 else None,
            1 - max(sizes) / n if ties[cell] else None,
        )
    return found


MESSAGE = st.tuples(
    st.sampled_from("abcdef"),
    st.integers(0, 90).map(lambda n: n / 1.5),
    st.sampled_from(["m1", "m2", "m3"]),
    st.sampled_from([None, "m1", "m2", "m3"]),
    st.sampled_from(["qq:1", "qq:1", "qq:2"]),
    st.sampled_from(["member", "member", "member", "bot"]),
)


@given(st.lists(MESSAGE, max_size=25))
@examples(150)
def test_it_equals_the_oracle(messages: list[tuple[Any, ...]]):
    events = numbered(
        [wrote(who, days, message, to, group_id=group, role=role) for who, days, message, to, group, role in messages]
    )
    numbers = ("persons", "pairs", "replies", "largest", "decentralisation", "fragmentation")
    rows = group_network(frame(events), LATE).collect()
    found = {(row["group_id"], row["month"]): row for row in rows.iter_rows(named=True)}
    expected = oracle(events)
    assert found.keys() == expected.keys()
    for cell, figures in expected.items():
        assert [found[cell][name] for name in numbers] == [
            pytest.approx(figure) if isinstance(figure, float) else figure for figure in figures
        ]
