"""What came late: new events of days that were complete, and accounts that came to another person."""

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.decoded_through import DECODED_THROUGH
from pipelines.publish.lateness import LATENESS, Before, lateness
from schemas import kinds
from schemas.lake import EVENTS, IDENTITY_CHANGE
from tests.pipelines.publish.company import MONDAY, days_later

PUBLISHED = Before(version=3, events_batch=5, complete_through=days_later(4))
NEW = 7

Counted = set[tuple[str, str | None, dt.date, int, int]]


def event(day: int = 0, batch: int = 6, group: str | None = "qq:1", account: str = "ann", **more: Any) -> dict:
    """A member's message so many days after Monday."""
    sent = {"type": kinds.MESSAGE_SENT, "role": "member"}
    return {"day": days_later(day), "batch": batch, "group_id": group, "account_id": account, **sent, **more}


@pytest.mark.parametrize(
    ("end", "late"), [(7, 1), (8, 0), (None, 1)], ids=["behind what was decoded", "decoded before", "a new partition"]
)
def test_of_events_that_were_decoded_again_those_count_that_came_since(end: int | None, late: int):
    decoded = pl.DataFrame([] if end is None else [("t", 0, end)], schema=DECODED_THROUGH, orient="row")
    again = event(topic_id="t", partition=0, offset=7)
    found = lateness(
        pl.LazyFrame([again], schema=EVENTS.schema),
        pl.LazyFrame(schema=EVENTS.schema),
        pl.LazyFrame(schema=IDENTITY_CHANGE.schema),
        PUBLISHED,
        NEW,
        decoded,
    )
    assert found.filter(bearing="in_group")["events"].to_list() == [1] * late


Move = tuple[int, str, str, str]
"""A batch, and the account that it brought from one person to another."""


def came_late(events: list[dict], moved: list[Move] | None = None, taken_out: list[dict] | None = None) -> Counted:
    found = lateness(
        pl.LazyFrame(events, schema=EVENTS.schema),
        pl.LazyFrame(taken_out or [], schema=EVENTS.schema),
        pl.LazyFrame(moved or [], schema=IDENTITY_CHANGE.schema, orient="row"),
        PUBLISHED,
        NEW,
    )
    assert found.schema == LATENESS
    return set(found.rows())


def in_group(counted: Counted) -> Counted:
    return {row for row in counted if row[0] == "in_group"}


def test_nothing_new_is_nothing_late():
    assert came_late([event(batch=5)]) == set()


def test_a_new_event_of_a_complete_day_is_late_and_one_of_an_open_day_is_not():
    counted = came_late([event(day=4), event(day=5)])
    assert in_group(counted) == {("in_group", "qq:1", days_later(4), 1, 0)}


def test_an_event_that_people_took_out_counts_once_and_merges_nobody():
    taken_out = [event(batch=6), event(batch=5), event() | {"batch": None}]
    counted = came_late([], [(6, "ann", "ann", "bob")], taken_out)
    assert in_group(counted) == {("in_group", "qq:1", MONDAY, 1, 0)}


def test_an_event_that_the_version_does_not_include_yet_is_not_counted():
    assert came_late([event(batch=8)]) == set()


def test_activity_counts_up_to_the_end_of_every_later_period():
    counted = came_late([event(day=2), event(day=2, group="qq:2"), event(day=3, role="operator")])
    wanted = {("activity", None, days_later(n), 2, 0) for n in (2, 3, 4)}
    assert {row for row in counted if row[0] == "activity"} == wanted


def test_clicks_and_orders_bear_on_sales():
    order = event(day=4, type=kinds.ORDER_PAID, group=None, role=None)
    assert came_late([order]) == {("sales", None, days_later(4), 1, 0)}


def test_what_decides_who_could_see_an_offer_bears_on_sales():
    offer = event(day=4, role="operator", product_id="x")
    joining = event(day=4, type=kinds.MEMBER_JOINED)
    counted = came_late([offer, joining, event(day=4), event(day=4, role="operator")])
    assert {row for row in counted if row[0] == "sales"} == {("sales", None, days_later(4), 3, 0)}


def test_a_merged_account_counts_on_each_of_its_days_and_once_up_to_a_day():
    counted = came_late(
        [event(day=2, batch=1, account="bob"), event(day=3, batch=1, account="bob"), event(day=3, batch=1)],
        [(6, "bob", "bob", "ann")],
    )
    assert counted == {
        *(("in_group", "qq:1", days_later(n), 0, 1) for n in (2, 3)),
        *((bearing, None, days_later(n), 0, 1) for bearing in ("activity", "sales") for n in (2, 3, 4)),
    }


def test_an_account_merged_before_is_told_no_more():
    assert came_late([event(batch=1, account="bob")], [(5, "bob", "bob", "ann")]) == set()


def test_an_account_that_is_itself_again_counts_and_one_that_came_and_went_does_not():
    went = [(6, "bob", "ann", "bob"), (6, "cid", "cid", "ann"), (7, "cid", "ann", "cid")]
    assert in_group(came_late([event(batch=1, account=name) for name in ("bob", "cid")], went)) == {
        ("in_group", "qq:1", MONDAY, 0, 1)
    }


KINDS = (kinds.MESSAGE_SENT, kinds.REACTION_ADDED, kinds.MEMBER_JOINED, kinds.LINK_CLICKED, kinds.ORDER_PAID)
EVENT = st.builds(
    event,
    day=st.integers(0, 6),
    batch=st.integers(4, 8),
    group=st.sampled_from(["qq:1", "qq:2", None]),
    account=st.sampled_from("abcd"),
    type=st.sampled_from(KINDS),
    role=st.sampled_from(["member", "operator"]),
)
MOVED = st.lists(
    st.tuples(st.integers(4, 8), st.sampled_from("abcd"), st.sampled_from("ab"), st.sampled_from("ab")),
    unique_by=lambda row: row[:2],
)


def one_by_one(events: list[dict], moved: list[Move]) -> Counted:
    """The same, counted anew for every group, day and bearing."""
    last = PUBLISHED.complete_through
    steps: dict[str, list[str]] = {}
    for batch, account, before, after in sorted(moved):
        if 5 < batch <= NEW:
            steps.setdefault(account, []).extend((before, after))
    merged = {account for account, persons in steps.items() if persons[0] != persons[-1]}
    days = [MONDAY + dt.timedelta(days=n) for n in range((last - MONDAY).days + 1)]

    def count(bears: Any) -> tuple[int, int]:
        borne = [e for e in events if e["day"] <= last and bears(e)]
        return sum(5 < e["batch"] <= NEW for e in borne), len({e["account_id"] for e in borne} & merged)

    def is_activity(e: dict) -> bool:
        return e["type"] in KINDS[:2] and e["role"] == "member"

    def is_sale(e: dict) -> bool:
        return e["type"] in KINDS[2:] or is_activity(e)

    rows = {
        ("in_group", group, day, *count(lambda e, g=group, d=day: (e["group_id"], e["day"]) == (g, d)))
        for group in ("qq:1", "qq:2")
        for day in days
    } | {
        (bearing, None, day, *count(lambda e, b=bears, d=day: b(e) and e["day"] <= d))
        for bearing, bears in (("activity", is_activity), ("sales", is_sale))
        for day in days
    }
    return {row for row in rows if row[3:] != (0, 0)}


@given(events=st.lists(EVENT, max_size=12), moved=MOVED)
def test_what_came_late_is_what_counting_one_by_one_gives(events: list[dict], moved: list[Move]):
    assert came_late(events, moved) == one_by_one(events, moved)
