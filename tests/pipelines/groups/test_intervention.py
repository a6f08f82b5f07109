"""What was done for a group is what people note, and what a search through the stream finds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.birth import births
from pipelines.groups.feed_day import feed_day
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day
from pipelines.groups.intervention import intervention
from pipelines.groups.staff_act import staff_act
from pipelines.groups.thresholds import LifeRules, Thresholds
from schemas.interventions import ACTIONS, ORIGINS, SEEN
from schemas.lake import INTERVENTION, STAFF_ACT
from tests.examples import examples
from tests.pipelines.engagement.frames import MONDAY, ZONE, Row, at, complete, events
from tests.pipelines.groups.intervention_oracle import Found, seen

DAY = dt.timedelta(days=1)
SILENT = 3
RULES = LifeRules(Thresholds(silent_days=SILENT), {"service": Thresholds(silent_days=9)})


def on(day: int, account: str | None = "ann", hour: int = 12, **fields: Any) -> Row:
    """An event so many days after the first Monday; unless told else, a member's message in `app:g`."""
    return {"account_id": account, "time": at(f"{MONDAY} 00:00") + day * DAY + dt.timedelta(hours=hour), **fields}


def operator(day: int, account: str = "op", **fields: Any) -> Row:
    return on(day, account, role="operator", **fields)


def joined(day: int, *accounts: str, **fields: Any) -> list[Row]:
    return [on(day, account, type="member.joined", **fields) for account in accounts]


def beats(*days: int) -> list[Row]:
    return [on(day, None, type="feed.heartbeat", role=None, group_id=None) for day in days]


def found_in(*rows: Row, rules: LifeRules = RULES, zone: str = ZONE) -> pl.DataFrame:
    told = events(*rows)
    groups = group_table(told, births(told))
    made = intervention(staff_act(told), group_day(told), feed_day(told), groups, zone, rules).collect()
    assert made.schema == INTERVENTION.schema
    assert not made.select(INTERVENTION.key).is_duplicated().any()
    return made.sort("day", "action")


def actions(*rows: Row, rules: LifeRules = RULES) -> list[tuple[int, str]]:
    made = found_in(*rows, rules=rules)
    return [((day - MONDAY).days, action) for day, action in made.select("day", "action").iter_rows()]


SILENCE = [on(0), *beats(1, 2, 3)]
"""A word of a member, and three measured days without one."""

AFTER_SILENCE = {
    "an operator": ([*SILENCE, operator(4)], [4]),
    "once a silence": ([*SILENCE, operator(4), operator(5), operator(6)], [4]),
    "once each silence": ([*SILENCE, operator(4), on(5), *beats(6, 7, 8), operator(9)], [4, 9]),
    "one who wrote into it before": ([*SILENCE, operator(2), operator(4)], [4]),
    "a silence that is too short": ([on(0), *beats(1, 2), operator(3)], []),
    "days of which nobody knows": ([on(0), *beats(1, 2), operator(5)], []),
    "a member first": ([*SILENCE, on(4, hour=9), operator(4)], []),
    "a member next": ([*SILENCE, operator(4), on(4, hour=15)], [4]),
    "a bot": ([*SILENCE, on(4, "bot", role="bot")], []),
    "a group without a word": ([*joined(0, "ann"), *beats(1, 2, 3), operator(4)], []),
    "a group whose purpose has longer silences": (
        [*SILENCE, operator(4), on(0, None, type="group.created", role=None, group_purpose="service")],
        [],
    ),
}


@pytest.mark.parametrize(("rows", "days"), AFTER_SILENCE.values(), ids=AFTER_SILENCE)
def test_an_operator_writes_after_a_silence(rows: list[Row], days: list[int]):
    assert actions(*rows) == [(day, "operator_wrote") for day in days]


@pytest.mark.parametrize("kind", ["red_packet", "broadcast"])
def test_what_staff_sends_counts_once_a_day_and_what_members_send_does_not(kind: str):
    rows = [on(0), on(1, message_kind=kind), operator(2, "op2", hour=14, message_kind=kind)]
    made = found_in(*rows, on(2, "bot", 13, role="bot", message_kind=kind))
    assert made.select("day", "action", "at", "by").rows() == [(MONDAY + 2 * DAY, kind, on(2, hour=13)["time"], "bot")]


NEW_OPERATOR = {
    "one seen for the first time": ([operator(0), operator(28, "op2")], [28]),
    "one who was there": ([operator(0), operator(28)], []),
    "one of the beginning": ([on(0), operator(27, "op2"), operator(30, "op2")], []),
    "one who joins": ([on(0), operator(30, "op2", type="member.joined")], [30]),
    "one who leaves": ([on(0), operator(30, "op2", type="member.left")], []),
    "one who only notes something": ([on(0), operator(30, "op2", type="group.intervention", intervention="call")], []),
}


@pytest.mark.parametrize(("rows", "days"), NEW_OPERATOR.values(), ids=NEW_OPERATOR)
def test_an_operator_is_new(rows: list[Row], days: list[int]):
    made = [day for day, action in actions(*rows) if action == "new_operator"]
    assert made == days


FIVE = ("p1", "p2", "p3", "p4", "p5")
WAVE = {
    "far more than ever before": ([on(0), on(29), *joined(30, *FIVE)], [30]),
    "the next day of one": ([on(0), on(29), *joined(30, *FIVE), *joined(31, "q1", "q2", "q3", "q4", "q5")], [30]),
    "too few": ([on(0), on(29), *joined(30, *FIVE[:4])], []),
    "as usual": ([on(0), *joined(10, "r1", "r2", "r3"), on(29), *joined(30, *FIVE)], []),
    "what was usual long ago": ([on(0), *joined(1, "r1", "r2", "r3"), on(29), *joined(30, *FIVE)], [30]),
    "the beginning of a group": ([on(0), on(26), *joined(27, *FIVE)], []),
    "after a day of which nobody knows": ([on(0), *joined(30, *FIVE)], []),
    "operators": ([on(0), on(29), *joined(30, *FIVE, role="operator")], []),
}


@pytest.mark.parametrize(("rows", "days"), WAVE.values(), ids=WAVE)
def test_members_join_in_a_wave(rows: list[Row], days: list[int]):
    made = found_in(*rows).filter(action="invitation_wave")
    starts = [(MONDAY + day * DAY, at(f"{MONDAY + day * DAY} 00:00")) for day in days]
    assert made.select("day", "at").rows() == starts


def test_a_day_without_a_midnight_begins_when_it_does():
    made = found_in(on(-1), on(26), *joined(27, *FIVE), zone="Asia/Beirut")
    assert made.select("day", "at").rows() == [(dt.date(2025, 3, 30), dt.datetime(2025, 3, 29, 22, tzinfo=dt.UTC))]


def test_every_note_counts_with_its_words_and_who_wrote_them():
    told = {"type": "group.intervention", "role": "operator", "intervention_note": "rang", "hour": 9}
    notes = [on(1, "op", intervention="call", **told), on(1, None, intervention="red_packet", **told)]
    made = found_in(on(0), *notes)
    assert made.select("action", "origin", "by", "note").rows() == [
        ("call", "noted", "op", "rang"), ("red_packet", "noted", None, "rang")
    ]  # fmt: skip


def test_the_words_are_those_of_the_contract():
    assert set(SEEN) < set(ACTIONS)
    assert ORIGINS == ("noted", "seen")


def test_acts_have_the_columns_of_their_table():
    assert staff_act(events(on(0), operator(1))).collect().schema == STAFF_ACT.schema


@st.composite
def stream(draw: st.DrawFn) -> list[Row]:
    """A group that is busy at first, and on later days one thing or another, by few, often at the same hour."""
    anything: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({
        "day": st.integers(1, 45), "account": st.sampled_from(["ann", "op", "op2", None]), "hour": st.integers(8, 10),
        "role": st.sampled_from(["member", "operator", "bot"]),
        "type": st.sampled_from(["message.sent", "message.sent", "reaction.added", "member.joined", "member.left"]),
        "message_kind": st.sampled_from(["text", "red_packet", "broadcast"]),
        "group_id": st.sampled_from(["app:g", "app:g", "qq:h"]), "source": st.sampled_from(["test", "other"]),
    })  # fmt: skip
    rows = [on(fields.pop("day"), **fields) for fields in draw(st.lists(anything, max_size=12))]
    waves = draw(st.lists(st.tuples(st.integers(1, 45), st.integers(1, 6)), max_size=3, unique_by=lambda wave: wave[0]))
    for day, size in waves:
        rows += joined(day, *(f"new{day}-{number}" for number in range(size)))
    return [on(0), *rows, *beats(*draw(st.sets(st.integers(1, 45), min_size=20)))]


@examples(300)
@given(stream())
def test_what_is_seen_equals_a_search_for_each_day(rows: list[Row]):
    made = found_in(*rows, rules=LifeRules(Thresholds(silent_days=SILENT)))
    is_wave = pl.col("action") == "invitation_wave"
    shown = made.select("group_id", "day", "action", pl.when(~is_wave).then("at").alias("at"), "by")
    expected: set[Found] = seen(complete(rows), SILENT)
    assert set(shown.rows()) == expected
