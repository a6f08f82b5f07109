import datetime as dt
import doctest
import sys

import polars as pl
import pytest
from hypothesis import given
from polars.testing import assert_frame_equal

from pipelines.funnel.funnel import funnel
from pipelines.funnel.steps import timeline
from pipelines.funnel.views import entry_rows, matches, summary
from pipelines.time import Interval
from schemas import kinds, warehouse
from schemas.funnel import Exclusion, FunnelDefinitionError, standard
from schemas.lake import FUNNEL_ENTRY
from tests.pipelines.funnel.samples import NO_GROUPS, at, definition, event, frame, histories, numbered, on_timeline

LONG_AFTER = at(400)
AB = definition("type = 'a'", "type = 'b'", window=dt.timedelta(days=10))


def acts(person: str, days: float, kind: str):
    return {"person_id": person, "time": at(days), "type": kind, "source": "//test"}


def entries(*rows, watermark=LONG_AFTER) -> pl.LazyFrame:
    return funnel(on_timeline(numbered(rows)), AB, watermark)


def test_a_matched_event_is_named_with_its_step_time_and_group():
    joined = {**acts("p", 1, "a"), "group_id": "qq:g"}
    entry = entries(joined, acts("p", 2, "x"), acts("p", 3, "b")).collect().row(0, named=True)
    assert entry["matches"] == [
        {"step": "step_1", "source": "//test", "event_id": "e0", "time": at(1), "group_id": "qq:g"},
        {"step": "step_2", "source": "//test", "event_id": "e2", "time": at(3), "group_id": None},
    ]


def test_an_entry_is_mature_at_the_end_of_its_window_and_not_before():
    rows = acts("p", 0, "a"), acts("q", 0.001, "a")
    assert dict(entries(*rows, watermark=at(10)).select("person_id", "is_mature").collect().iter_rows()) == {
        "p": True,
        "q": False,
    }


def test_a_person_who_never_took_the_first_step_is_no_entry():
    assert entries(acts("p", 0, "b")).collect().is_empty()


def test_no_events_give_no_entries_in_the_lakes_schema():
    assert_frame_equal(entries().collect(), pl.DataFrame(schema=FUNNEL_ENTRY.schema))


def test_a_predicate_that_cannot_tell_is_not_satisfied():
    unknown = {**acts("p", 0, "a"), "type": None}
    assert funnel(on_timeline(numbered([unknown])), definition("type <> 'b'", "exposed"), at(1)).collect().is_empty()


def test_immature_entries_are_counted_apart_and_left_out_of_rates():
    rows = acts("p", 0, "a"), acts("p", 2, "b"), acts("q", 0, "a"), acts("r", 30, "a"), acts("r", 31, "b")
    counts = ("step_number", "reached", "reached_immature", "rate_overall", "rate_step")
    table = summary(entries(*rows, watermark=at(35)), AB).select(counts).collect()
    assert table.rows() == [(1, 2, 1, 1.0, 1.0), (2, 1, 1, 0.5, 0.5)]


def test_a_funnel_that_nobody_entered_shows_every_step_with_null_rates():
    table = summary(entries(), AB).drop("funnel").collect()
    nothing = (0, 0, *[None] * 8)
    assert table.rows() == [(1, "step_1", *nothing), (2, "step_2", *nothing)]


@pytest.mark.parametrize(
    ("made", "table"),
    [
        (lambda rows: summary(rows, AB), warehouse.funnel_step),
        (lambda rows: entry_rows(rows, NO_GROUPS), warehouse.funnel_entry),
        (lambda rows: matches(rows, NO_GROUPS), warehouse.funnel_match),
    ],
    ids=["funnel_step", "funnel_entry", "funnel_match"],
)
def test_views_have_the_columns_of_their_warehouse_table(made, table):
    assert made(entries(acts("p", 0, "a"))).collect_schema().names() == table.columns.keys()


@given(histories(size=40))
def test_the_drill_down_counts_what_the_summary_counts(events):
    """Trap 13."""
    rows = funnel(timeline(frame(events)), standard(), at(62)).collect().lazy()
    mature = (
        matches(rows, NO_GROUPS)
        .join(entry_rows(rows, NO_GROUPS).filter("is_mature"), on=["person_id", "entry"])
        .collect()
    )
    drilled = [mature.filter(step_number=n).height for n in range(1, len(standard().steps) + 1)]
    assert summary(rows, standard()).collect()["reached"].to_list() == drilled


def test_the_standard_funnel_goes_from_joining_to_buying_again():
    group, order = {"group_id": "qq:g"}, {"currency": "CNY", "amount_minor": 1}
    events = [
        event(kinds.MEMBER_JOINED, at(0), "p", **group),
        event(kinds.MESSAGE_SENT, at(1), "p", **group),
        event(kinds.REACTION_ADDED, at(8), "p", **group),
        event(kinds.MESSAGE_SENT, at(9), "seller", role="operator", product_id="x", **group),
        event(kinds.LINK_CLICKED, at(10), "p", **group),
        event(kinds.ORDER_PLACED, at(11), "p", order_id="o1", **order),
        event(kinds.ORDER_PAID, at(12), "p", order_id="o1", **order),
        event(kinds.ORDER_PAID, at(13), "p", order_id="o2", **order),
    ]
    entry = funnel(timeline(frame(numbered(events))), standard(), at(60)).collect().row(0, named=True)
    assert [match["event_id"] for match in entry["matches"]] == [f"e{n}" for n in range(8)]


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("type =", "unable to parse"),
        ("channel = 'x'", "an unknown column"),
        ("amount_minor", "which is Int64"),
        ("amount_minor = 'x'", "cannot compare"),
        ("SUM(amount_minor) > 3", "without aggregates"),
        ("true", "without aggregates"),
    ],
)
def test_a_predicate_that_does_not_fit_the_timeline_is_refused_by_step(when, reason):
    with pytest.raises(FunnelDefinitionError, match=reason) as refused:
        funnel(on_timeline([]), definition("joined", when), at(0))
    assert refused.value.place == "funnel 'sample', step 'step_2'"


def test_a_predicate_may_list_values():
    listed = definition("type IN ('a', 'b') AND amount_minor IS NULL", "exposed")
    assert funnel(on_timeline(numbered([acts("p", 0, "b")])), listed, at(0)).collect().height == 1


def test_an_unknown_held_column_is_refused():
    with pytest.raises(FunnelDefinitionError, match="an unknown column 'channel'") as refused:
        funnel(on_timeline([]), definition("joined", "exposed", hold=("channel",)), at(0))
    assert refused.value.place == "funnel 'sample', hold"


def test_consecutive_sees_events_that_match_no_step():
    rows = acts("p", 1, "a"), acts("p", 2, "x"), acts("p", 3, "b")
    for arranged in (rows, rows[::-1]):
        entry = funnel(
            on_timeline(numbered(arranged)), definition("type = 'a'", "type = 'b'", mode="consecutive"), at(9)
        )
        assert entry.collect()["steps_reached"].to_list() == [1]


def test_held_properties_are_equal_along_a_chain_and_null_equals_nothing():
    def reached(*groups: str | None) -> list[int]:
        rows = [
            acts("p", n, kind) | {"group_id": group} for n, (kind, group) in enumerate(zip("aab", groups, strict=True))
        ]
        held = definition("type = 'a'", "type = 'b'", hold=("group_id",))
        return funnel(on_timeline(numbered(rows)), held, at(9)).collect()["steps_reached"].to_list()

    assert (reached("g", "h", "g"), reached("g", "h", "i"), reached("g", None, None), reached(None, None, None)) == (
        [2], [1], [1], [],
    )  # fmt: skip


def test_an_exclusion_between_two_steps_ends_the_chain_there():
    left = definition(
        "type = 'a'", "type = 'b'", "type = 'c'", exclude=(Exclusion("type = 'x'", ("step_2", "step_3")),)
    )
    before = acts("p", 1, "a"), acts("p", 2, "x"), acts("p", 3, "b"), acts("p", 4, "c")
    after = acts("q", 1, "a"), acts("q", 2, "b"), acts("q", 3, "x"), acts("q", 4, "c")
    entries = funnel(on_timeline(numbered([*before, *after])), left, at(9)).collect()
    assert dict(entries.select("person_id", "steps_reached").iter_rows()) == {"p": 3, "q": 2}


def test_entries_are_numbered_a_person_and_a_range_leaves_their_numbers():
    rows = [
        acts(person, day, kind) for person in "pq" for day, kind in ((1, "a"), (2, "b"), (3, "a"), (3, "b"), (8, "a"))
    ]
    again = definition("type = 'a'", "type = 'b'", window=dt.timedelta(days=3), count="entries")
    late = funnel(on_timeline(numbered(rows)), again, at(99), Interval(at(3), at(99))).collect()
    assert late.select("person_id", "entry", "steps_reached").rows() == [
        ("p", 2, 2), ("p", 3, 1), ("q", 2, 2), ("q", 3, 1),
    ]  # fmt: skip


def test_the_example_of_the_public_function_runs():
    result = doctest.testmod(sys.modules["pipelines.funnel.funnel"])
    assert (result.failed, result.attempted > 0) == (0, True)
