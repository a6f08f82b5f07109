"""Joins and leaves come from events, and from what a snapshot shows that nothing before it explains."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.connections import connected
from pipelines.engagement.states import member_state
from pipelines.groups.group_day import group_day
from pipelines.groups.member_change import member_change, with_derived
from schemas import kinds
from schemas.lake import EVENTS, IDENTITY, PERSON_DAY
from tests.examples import examples
from tests.pipelines.canonical import NOON

HOUR = dt.timedelta(hours=1)
DAY = NOON.date()
Known = tuple[str, str] | frozenset[str]
"""What an event says at its hour: `joined` or `left` and an account, or the accounts that a snapshot lists."""

Change = tuple[str, str, int, int]
"""An account, what it did, after which hour (of an event: at), and by which."""


def events(known: list[Known]) -> pl.LazyFrame:
    rows = []
    for hour, one in enumerate(known):
        when = NOON + hour * HOUR
        common = {
            "source": "a", "event_id": str(hour), "time": when, "day": when.date(), "group_id": "app:g",
            "topic_id": "t", "partition": 0, "offset": hour, "position": 0, "time_quality": "exact",
        }  # fmt: skip
        if isinstance(one, frozenset):
            listed = [{"id": account, "role": "member"} for account in sorted(one)]
            rows.append(common | {"type": kinds.GROUP_SNAPSHOT, "members": listed})
        else:
            change, account = one
            rows.append(common | {"type": f"member.{change}", "account_id": account, "role": "member"})
    # Reversed as rows: Polars 2.1 makes a column of lists that are all null or empty `List(Null)` where it reverses it.
    return pl.LazyFrame(rows[::-1], schema=EVENTS.schema)


def changes(known: list[Known]) -> set[Change]:
    found = member_change(events(known)).collect()
    assert found.select("source", "event_id", "account_id").is_unique().all()
    assert (found["is_derived"] == (found["time_quality"] == "bound")).all()
    return {
        (row["account_id"], row["change"], (row["earliest_at"] - NOON) // HOUR, (row["time"] - NOON) // HOUR)
        for row in found.iter_rows(named=True)
    }


def searched(known: list[Known]) -> set[Change]:
    """Walk through what is known, account by account."""
    found: set[Change] = set()
    accounts = {name for one in known for name in (one if isinstance(one, frozenset) else {one[1]})}
    for account in accounts:
        is_in: bool | None = None
        last = 0
        for hour, one in enumerate(known):
            if not isinstance(one, frozenset):
                if one[1] == account:
                    is_in, last = one[0] == "joined", hour
                    found.add((account, one[0], hour, hour))
            elif one:
                if is_in is not None and is_in != (account in one):
                    found.add((account, "joined" if account in one else "left", last, hour))
                is_in, last = account in one, hour
    return found


def test_the_first_snapshot_of_a_group_derives_no_joins():
    assert changes([frozenset("ab")]) == set()


def test_the_difference_of_two_snapshots_is_joins_and_leaves_within_bounds():
    assert changes([frozenset("ab"), frozenset("bc")]) == {("a", "left", 0, 1), ("c", "joined", 0, 1)}


def test_an_event_between_two_snapshots_stands_for_their_difference():
    assert changes([frozenset("ab"), ("left", "a"), ("joined", "c"), frozenset("bc")]) == {
        ("a", "left", 1, 1), ("c", "joined", 2, 2)
    }  # fmt: skip


def test_what_an_event_does_not_explain_is_derived_after_it():
    assert changes([("joined", "c"), frozenset("a"), ("left", "a"), frozenset("a")]) == {
        ("c", "joined", 0, 0), ("c", "left", 0, 1), ("a", "left", 2, 2), ("a", "joined", 2, 3)
    }  # fmt: skip


def test_an_empty_snapshot_is_no_evidence_that_all_left():
    assert changes([frozenset("a"), frozenset(), frozenset("a")]) == set()


def test_what_events_say_and_what_snapshots_imply_count_on_the_day_once_each():
    said = events([("joined", "c"), frozenset("abc"), ("left", "a"), frozenset("bd")])
    day = group_day(with_derived(said, member_change(said)).with_columns(person_id="account_id")).collect()
    assert day.select("joined", "left").rows() == [(2, 2)]


def test_who_a_snapshot_joins_lurks_until_one_shows_that_they_left():
    def lurking(*known: Known) -> set[str]:
        said = events([*known])
        rows = with_derived(said, member_change(said)).with_columns(person_id="account_id")
        nothing = (pl.LazyFrame(schema=PERSON_DAY.schema), connected(said, pl.LazyFrame(schema=IDENTITY.schema), DAY))
        return set(member_state(rows, *nothing, DAY).collect()["person_id"])

    assert lurking(frozenset("a"), frozenset("ab")) == {"b"}
    assert lurking(frozenset("a"), frozenset("ab"), frozenset("a")) == set()


@examples(150)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["joined", "left"]), st.sampled_from("abc")),
            st.frozensets(st.sampled_from("abc")),
        ),
        max_size=9,
    )
)
def test_changes_equal_a_walk_through_what_is_known(known: list[Known]):
    assert changes(known) == searched(known)
