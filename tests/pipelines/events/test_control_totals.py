"""Control totals against events: what arrived of an owner's groups, counted message by message."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.control_totals import DAY, compare, newest
from schemas.lake import CONTROL_TOTAL, UTC_TIME
from tests.examples import examples

MIDNIGHT = dt.datetime(2025, 3, 2, 16, tzinfo=dt.UTC)
"""Of Beijing."""
EVENTS = pl.Schema({"type": pl.String(), "source": pl.String(), "group_id": pl.String(), "time": UTC_TIME})

Statement = tuple[str, str, str, str | None, dt.datetime, int, dt.datetime]
Message = tuple[str, str, str, dt.datetime]


def totals(*statements: Statement) -> pl.DataFrame:
    return pl.DataFrame(statements, schema=CONTROL_TOTAL.schema, orient="row")


def messages(*sent: Message) -> pl.LazyFrame:
    return pl.LazyFrame(sent, schema=EVENTS, orient="row")


def at(day: int, hour: int = 0) -> dt.datetime:
    return MIDNIGHT + dt.timedelta(days=day, hours=hour)


def counted(owner: str, day: int, what: str, total: int, said: int = 0) -> Statement:
    return ("statistics", owner, what, None, at(day), total, at(20, said))


def owns(owner: str, group: str, since: int = -9, said: int = 0) -> Statement:
    return ("groups", owner, "groups", group, at(since), 1, at(20, said))


def sent(group: str, day: int, hour: int, source: str = "archive", kind: str = "message.sent") -> Message:
    return (kind, source, group, at(day, hour))


def expected(stated: list[Statement], events: list[Message]) -> dict[tuple[str, dt.datetime], Any]:
    """(owner, day) -> (total, groups known, arrived, short), each message looked at for each group and day."""
    latest: dict[Any, Statement] = {}
    for one in sorted(stated, key=lambda one: (one[6], one[5], one[0], one[1], one[4])):
        latest[one[3] or one[1:3] + one[4:5]] = one
    found = {}
    for one in latest.values():
        _, owner, what, group, day, total, _ = one
        if group is not None or what != "messages":
            continue
        known = [
            other[3] for other in latest.values() if other[3] is not None and other[1] == owner and other[4] < day + DAY
        ]
        arrived = 0
        for mine in known:
            by_source: dict[str, int] = {}
            for kind, source, where, time in events:
                if kind == "message.sent" and where == mine and day <= time < day + DAY:
                    by_source[source] = by_source.get(source, 0) + 1
            arrived += max(by_source.values(), default=0)
        groups = latest.get((owner, "groups", day))
        is_comparable = groups is not None and len(known) >= groups[5]
        found[owner, day] = (total, len(known), arrived, max(total - arrived, 0) if is_comparable else None)
    return found


OWNERS, GROUPS = st.sampled_from(["lena", "wolf"]), st.sampled_from(["g1", "g2", "g3"])
STATEMENTS = st.one_of(
    st.builds(counted, OWNERS, st.integers(0, 2), st.just("messages"), st.integers(0, 6), st.integers(0, 2)),
    st.builds(counted, OWNERS, st.integers(0, 2), st.just("groups"), st.integers(0, 3), st.integers(0, 2)),
    st.builds(owns, OWNERS, GROUPS, st.integers(-2, 2), st.integers(0, 2)),
)
SENT = st.builds(
    sent, GROUPS, st.integers(-1, 3), st.integers(0, 23), st.sampled_from(["archive", "zone"]),
    st.sampled_from(["message.sent", "message.sent", "message.recalled"]),
)  # fmt: skip


@examples(200)
@given(st.lists(STATEMENTS, max_size=25), st.lists(SENT, max_size=25), st.data())
def test_what_is_short_is_as_counted_by_hand_however_totals_are_delivered_and_put_together(
    stated: list[Statement], events: list[Message], data: st.DataObject
):
    delivered = data.draw(st.permutations(stated + (data.draw(st.lists(st.sampled_from(stated))) if stated else [])))
    stored = totals()
    while delivered:
        size = data.draw(st.integers(1, len(delivered)))
        batch, delivered = delivered[:size], delivered[size:]
        stored = pl.concat([stored, totals(*batch)])
        if data.draw(st.booleans()):
            stored = newest(stored)
    found = {
        (one["owner_id"], one["begins_at"]): (one["total"], len(one["group_ids"]), one["arrived"], one["short"])
        for one in compare(stored, messages(*events)).to_dicts()
    }
    assert found == expected(stated, events)


def test_what_was_never_sent_is_not_short_and_what_was_lost_is():
    stated = totals(
        owns("lena", "g1"), owns("lena", "g2"), counted("lena", 0, "messages", 3), counted("lena", 0, "groups", 2)
    )
    whole = [sent("g1", 0, 0), sent("g1", 0, 23), sent("g2", 0, 5)]
    assert compare(stated, messages(*whole))["short"].to_list() == [0]
    assert compare(stated, messages(*whole[1:]))["short"].to_list() == [1]
    assert compare(stated, messages(*whole, sent("g2", 0, 6)))["short"].to_list() == [0]


def test_days_of_a_platform_elsewhere_begin_at_another_hour():
    other = ("elsewhere", "kim", "messages", None, at(0, 8), 1, at(20))
    stated = totals(owns("kim", "g1"), other, (*other[:2], "groups", None, at(0, 8), 1, at(20)))
    assert compare(stated, messages(sent("g1", 0, 7)))["short"].to_list() == [1]
    assert compare(stated, messages(sent("g1", 1, 7)))["short"].to_list() == [0]
