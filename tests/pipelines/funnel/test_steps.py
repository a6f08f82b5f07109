import datetime as dt
from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.funnel.funnel import funnel
from pipelines.funnel.steps import MARKS, TIMELINE, timeline
from schemas import kinds
from tests.pipelines.funnel import oracle
from tests.pipelines.funnel.samples import (
    at,
    definition,
    event,
    frame,
    histories,
    key,
    numbered,
    on_timeline,
)

G = {"group_id": "qq:g"}
SAYS, JOINS, LEAVES = kinds.MESSAGE_SENT, kinds.MEMBER_JOINED, kinds.MEMBER_LEFT
WATERMARK = at(days=400)


def found(events) -> dict[str, set[str]]:
    """Event ids of each mark on p's timeline."""
    rows = timeline(frame(events)).filter(person_id="p").collect()
    return {name: set(rows.filter(name)["event_id"]) for name in MARKS}


def test_a_join_a_message_and_a_message_next_week_join_activate_and_retain():
    events = numbered([event(JOINS, at(0), "p", **G), event(SAYS, at(1), "p", **G), event(SAYS, at(7), "p", **G)])
    marks = found(events)
    assert (marks["joined"], marks["activated"], marks["retained"]) == ({"e0"}, {"e1"}, {"e2"})


def test_a_first_message_stands_for_a_join_and_the_next_one_activates():
    events = numbered([event(SAYS, at(0), "p", **G), event(SAYS, at(1), "p", **G)])
    marks = found(events)
    assert (marks["joined"], marks["activated"]) == ({"e0"}, {"e1"})


def test_a_message_seven_days_after_joining_is_too_late_to_activate():
    events = numbered([event(JOINS, at(0), "p", **G), event(SAYS, at(7), "p", **G)])
    assert found(events)["activated"] == set()


def test_a_second_joining_counts_and_activates_again():
    events = numbered(
        [
            event(JOINS, at(0), "p", **G),
            event(SAYS, at(1), "p", **G),
            event(LEAVES, at(2), "p", **G),
            event(JOINS, at(30), "p", **G),
            event(SAYS, at(31), "p", **G),
        ]
    )
    marks = found(events)
    assert (marks["joined"], marks["activated"]) == ({"e0", "e3"}, {"e1", "e4"})


def derived(kind: str, after: dt.datetime, by: dt.datetime, **fields) -> dict:
    """A join or a leave that a snapshot shows."""
    return event(kind, by, "p", **G, earliest_at=after, time_quality="bound", **fields)


def test_a_join_that_a_snapshot_shows_is_a_join():
    events = numbered([derived(JOINS, at(0), at(3)), event(SAYS, at(4), "p", **G)])
    marks = found(events)
    assert (marks["joined"], marks["activated"]) == ({"e0"}, {"e1"})


def test_what_a_person_did_within_the_bounds_of_a_join_stands_for_it():
    events = numbered(
        [
            derived(LEAVES, at(0), at(2)),
            event(SAYS, at(3), "p", **G),
            event(SAYS, at(4), "p", **G),
            derived(JOINS, at(2), at(5)),
            event(SAYS, at(6), "p", **G),
        ]
    )
    assert found([*numbered([event(SAYS, at(-1), "p", **G, event_id="first")]), *events])["joined"] == {"first", "e1"}


def test_what_a_person_did_before_the_bounds_of_a_join_does_not():
    events = numbered([event(SAYS, at(0), "p", **G), derived(JOINS, at(1), at(5))])
    assert found(events)["joined"] == {"e0", "e1"}


def test_a_leave_that_a_snapshot_shows_ends_the_exposure():
    offers = [event(SAYS, at(day), "op", role="operator", product_id="x", **G) for day in (1, 4)]
    events = numbered([derived(JOINS, at(-1), at(0)), derived(LEAVES, at(0), at(3)), *offers])
    assert found(events)["exposed"] == {"e2"}


def test_a_step_can_ask_how_well_a_time_is_known():
    rows = timeline(frame(numbered([derived(JOINS, at(0), at(1)), event(JOINS, at(2), "p", **G)])))
    exact = definition("joined AND time_quality IS DISTINCT FROM 'bound'", "type = 'link.clicked'")
    assert funnel(rows, exact, WATERMARK).collect()["entered_at"].to_list() == [at(2)]


def test_a_week_begins_on_monday_of_the_business_zone():
    sunday, monday = at(days=6, minutes=23 * 60 + 59), at(days=7)
    assert sunday.isocalendar().week == monday.isocalendar().week
    joins, first = event(JOINS, at(5), "p", **G), event(SAYS, at(5, 1), "p", **G)
    events = numbered([joins, first, event(SAYS, sunday, "p", **G), event(SAYS, monday, "p", **G)])
    assert found(events)["retained"] == {"e3"}


def test_activity_in_another_group_neither_activates_nor_retains():
    events = numbered([event(JOINS, at(0), "p", **G), event(SAYS, at(1), "p", group_id="qq:h")])
    assert found(events)["activated"] == set()


def test_only_a_member_is_exposed_and_not_by_the_own_message():
    offer = {"product_id": "x", **G}
    events = numbered(
        [
            event(SAYS, at(0), "seller", role="operator", **offer),
            event(JOINS, at(1), "p", **G),
            event(SAYS, at(2), "seller", role="operator", **offer),
            event(SAYS, at(3), "p", **offer),
            event(LEAVES, at(4), "p", **G),
            event(SAYS, at(5), "seller", role="operator", **offer),
        ]
    )
    assert found(events)["exposed"] == {"e2"}


def test_a_message_that_someone_saw_is_none_that_they_sent():
    events = numbered([event(JOINS, at(0), "p", **G), event(SAYS, at(1), "q", product_id="x", **G)])
    exposed = timeline(frame(events)).filter("exposed").select("person_id", "type", "role").collect()
    assert exposed.rows() == [("p", None, None)]


def test_of_many_exposures_the_first_a_day_and_those_beside_own_events_are_kept():
    offers = [event(SAYS, at(1, minutes), "q", product_id="x", **G) for minutes in range(5)]
    click = event(kinds.LINK_CLICKED, at(1, 10), "p")
    later = [event(SAYS, at(1, 20 + minutes), "q", product_id="x", **G) for minutes in range(3)]
    events = numbered([event(JOINS, at(0), "p", **G), *offers, click, *later])
    assert found(events)["exposed"] == {"e1", "e5", "e7", "e9"}


def test_every_member_of_a_large_group_is_exposed_to_every_product():
    joins = [event(JOINS, at(0), f"p{n}", **G) for n in range(60)]
    offers = [event(SAYS, at(1), "seller", role="operator", product_id=f"x{n}", **G) for n in range(60)]
    exposed = timeline(frame(numbered([*joins, *offers]))).filter("exposed").collect()
    assert exposed.select("person_id", "product_id").n_unique() == exposed.height == 60 * 60


def test_a_second_payment_of_one_order_is_no_second_purchase():
    def pays(days, order):
        return event(kinds.ORDER_PAID, at(days), "p", order_id=order, amount_minor=1, currency="CNY")

    assert found(numbered([pays(0, "o1"), pays(1, "o1"), pays(2, "o2"), pays(3, "o2")]))["repurchased"] == {"e2"}


def test_no_events_give_an_empty_timeline():
    assert_frame_equal(timeline(frame([])).collect(), pl.DataFrame(schema=TIMELINE))


@given(histories())
def test_derived_events_are_those_that_the_definitions_name(events):
    expected = oracle.marks(events)
    rows = timeline(frame(events)).collect()
    assert rows.schema == TIMELINE
    got = {(row["person_id"], row["event_id"]): {m for m in MARKS if row[m]} for row in rows.iter_rows(named=True)}
    assert len(got) == rows.height
    assert {k for k in got if got[k] != {"exposed"}} == {
        (e["person_id"], e["event_id"]) for e in events if oracle.is_own(e)
    }
    kept = {k for k, names in got.items() if "exposed" in names}
    seen = {k for k, names in expected.items() if "exposed" in names}
    assert kept <= seen
    assert {k: v for k, v in got.items() if v and v != {"exposed"}} == {
        k: v for k, v in expected.items() if v != {"exposed"}
    }
    assert _first_a_day(events, seen) <= kept


def _first_a_day(events, seen) -> set[tuple[str, str]]:
    by_id = {e["event_id"]: e for e in events}
    firsts = defaultdict(list)
    for person, event_id in seen:
        e = by_id[event_id]
        firsts[person, e["product_id"], e["day"]].append((key(e), event_id))
    return {(person, min(some)[1]) for (person, _, _), some in firsts.items()}


OWN_STEPS = [
    "joined",
    "activated",
    "retained",
    "repurchased",
    "type = 'link.clicked'",
    "type = 'message.sent'",
]
SEEN_STEPS = ["exposed", "exposed AND product_id = 'x'", "exposed AND group_id = 'qq:g'"]


@st.composite
def funnels(draw):
    """Steps of which no two in a row are exposures, and a window that cuts some chains."""
    steps = draw(st.lists(st.sampled_from(OWN_STEPS + SEEN_STEPS), min_size=2, max_size=5))
    steps = [s for n, s in enumerate(steps) if n == 0 or not (s in SEEN_STEPS and steps[n - 1] in SEEN_STEPS)]
    return definition(*steps, window=dt.timedelta(days=draw(st.sampled_from([0, 1, 7, 60]))))


@given(histories(size=40), funnels())
def test_thinned_exposures_give_the_very_chains_that_all_exposures_give(events, chosen):
    thinned = funnel(timeline(frame(events)), chosen, WATERMARK)
    every = funnel(_with_every_exposure(events), chosen, WATERMARK)
    assert_frame_equal(thinned.collect(), every.collect(), check_row_order=False)


def _with_every_exposure(events) -> pl.LazyFrame:
    by_id = {e["event_id"]: e for e in events}
    marks = oracle.marks(events)
    own = [
        {**e, **dict.fromkeys(marks.get((e["person_id"], e["event_id"]), ()), True)} for e in events if oracle.is_own(e)
    ]
    seen = [
        {**by_id[event_id], "person_id": person, "type": None, "role": None, "exposed": True}
        for (person, event_id), names in marks.items()
        if "exposed" in names
    ]
    return on_timeline([*own, *seen])


@given(histories(), st.randoms())
def test_the_timeline_is_the_same_for_every_order_of_arrival(events, random):
    shuffled = random.sample(events, len(events))
    assert_frame_equal(
        timeline(frame(events)).collect(),
        timeline(frame(shuffled)).collect(),
        check_row_order=False,
    )
