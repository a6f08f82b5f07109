from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.funnel.breakdown import breakdown, property_values
from pipelines.funnel.reached import reached_steps
from pipelines.funnel.views import summary
from schemas.funnel import PROPERTIES, TOUCHES, Breakdown
from schemas.lake import EVENTS, GROUP
from tests.pipelines.funnel.entries import ABC, Entry, entry, entry_lists, frame_of

VALUES = {"a": "x", "b": "y", "c": "x", "d": None, "e": "z"}
"""The value of each event; of `f` nothing is known."""

Segment = tuple[str, str]
TOTAL, NONE, OTHER = (("total", "total"), ("none", "none"), ("other", "other"))


def value(name: str) -> Segment:
    return "value", name


def broken_down(entries: list[Entry], touch: str, limit: int = 25) -> pl.DataFrame:
    known = pl.LazyFrame({"source": "//test", "event_id": VALUES.keys(), "value": VALUES.values()})
    return breakdown(reached_steps(frame_of(*entries)), ABC, Breakdown("group_id", touch, limit), known).collect()


def entered(entries: list[Entry], touch: str, limit: int = 25) -> dict[Segment, int]:
    rows = broken_down(entries, touch, limit).filter(step_number=1).rows(named=True)
    return {(row["segment_kind"], row["segment"]): row["reached"] + row["reached_immature"] for row in rows}


@pytest.mark.parametrize(
    ("touch", "events", "segments"),
    [
        ("first_step", "abc", [value("x")]),
        ("first_step", "dbc", [NONE]),
        ("last_step", "aae", [value("z")]),
        ("last_step", "abd", [NONE]),
        ("first_touch", "dba", [value("y")]),
        ("first_touch", "ddf", [NONE]),
        ("last_touch", "abd", [value("y")]),
        ("last_touch", "fdd", [NONE]),
        ("all_steps", "abe", [value("x"), value("y"), value("z")]),
        ("all_steps", "acd", [value("x")]),
        ("all_steps", "dff", [NONE]),
    ],
)
def test_a_touch_names_the_events_whose_values_an_entry_has(touch, events, segments):
    found = entered([entry(0, 1, 2, events=events)], touch)
    assert found == dict.fromkeys([TOTAL, *segments], 1)


def test_the_total_counts_an_entry_in_several_segments_once():
    """Trap 11."""
    assert entered([entry(0, 1, 2, events="abe"), entry(0, 1, events="ab")], "all_steps") == {
        TOTAL: 2, value("x"): 2, value("y"): 2, value("z"): 1
    }  # fmt: skip


def test_an_entry_counts_in_a_segment_with_the_steps_of_other_values():
    table = broken_down([entry(0, 1, 2, events="abe")], "first_step").filter(segment_kind="value")
    assert table["reached"].to_list() == [1, 1, 1]


def test_values_beyond_the_limit_are_other_and_an_entry_with_several_is_in_it_once():
    rows = [entry(0, 1, events="aa"), entry(1, 1, events="ab"), entry(2, 1, events="be"), entry(3, events="d")]
    assert entered(rows, "all_steps", limit=1) == {TOTAL: 4, value("x"): 2, OTHER: 2, NONE: 1}


def test_of_equal_values_the_first_in_order_of_text_has_the_segment():
    assert entered([entry(0, events="e"), entry(1, events="b")], "first_step", limit=1) == {
        TOTAL: 2, value("y"): 1, OTHER: 1
    }  # fmt: skip


def test_a_value_named_as_a_kind_of_segment_is_not_mixed_with_it():
    named = pl.LazyFrame({"source": "//test", "event_id": ["a", "b"], "value": ["other", None]})
    rows = frame_of(entry(0, events="a"), entry(1, events="b"))
    table = (
        breakdown(reached_steps(rows), ABC, Breakdown("group_id", "first_step"), named).filter(step_number=1).collect()
    )
    assert sorted(table.select("segment_kind", "segment").rows()) == [NONE, TOTAL, value("other")]


def test_two_entries_of_a_person_that_begin_alike_are_two():
    assert entered([entry(0, events="a"), entry(0, 1, events="ab")], "first_step") == {TOTAL: 2, value("x"): 2}


def test_nobody_gives_a_total_of_nobody():
    assert entered([], "first_step") == {TOTAL: 0}


def test_every_property_can_be_looked_up_with_the_purpose_from_the_group():
    event = {"source": "//s", "event_id": "e", "group_id": "qq:g", "carrier": "qq", "product_id": "p", "role": "member"}
    events = pl.LazyFrame([{name: event.get(name) for name in EVENTS.columns}], schema=EVENTS.schema)
    group = {"group_id": "qq:g", "purpose": "sales"}
    groups = pl.LazyFrame([{name: group.get(name) for name in GROUP.columns}], schema=GROUP.schema)
    found = {by: property_values(events, groups, by).collect().row(0) for by in PROPERTIES}
    assert found == {by: ("//s", "e", event.get(by)) for by in PROPERTIES} | {"purpose": ("//s", "e", "sales")}


def _segments(entry: Entry, touch: str) -> set[str | None]:
    values = [VALUES.get(match["event_id"]) for match in entry["matches"]]
    known = [value for value in values if value is not None]
    chosen = {
        "first_step": values[:1],
        "last_step": values[-1:],
        "first_touch": known[:1],
        "last_touch": known[-1:],
        "all_steps": known,
    }
    return set(chosen[touch]) or {None}


@pytest.mark.parametrize("touch", TOUCHES)
@given(entries=entry_lists(), limit=st.integers(1, 3))
def test_a_segment_is_the_summary_of_the_entries_that_have_its_value(touch, entries, limit):
    sizes = Counter(value for e in entries for value in _segments(e, touch) if value is not None)
    shown = sorted(sizes, key=lambda value: (-sizes[value], value))[:limit]

    def within(segment: Segment) -> list[Entry]:
        kind, name = segment
        wanted = {
            "total": lambda _: True,
            "none": lambda values: None in values,
            "value": lambda values: name in values,
            "other": lambda values: bool(values - {None, *shown}),
        }
        return [e for e in entries if wanted[kind](_segments(e, touch))]

    expected = {segment: within(segment) for segment in [TOTAL, NONE, OTHER, *map(value, shown)] if within(segment)} | {
        TOTAL: entries
    }
    table = broken_down(entries, touch, limit)
    assert set(table.select("segment_kind", "segment").rows()) == set(expected)
    for (kind, name), some in expected.items():
        segment = table.filter(segment_kind=kind, segment=name).drop("by", "touch", "segment_kind", "segment")
        assert segment.equals(summary(frame_of(*some), ABC).collect(), null_equal=True)
