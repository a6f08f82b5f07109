"""What counts as the life of a group, from events to states."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from pipelines.engagement.person_day import person_day
from pipelines.groups.birth import births
from pipelines.groups.feed_day import feed_day
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day
from pipelines.groups.health import group_health, life_days
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules
from schemas import kinds
from schemas.lake import GROUP_HEALTH
from tests.pipelines.engagement.frames import MONDAY, ZONE, Row, at, events

A_DAY = dt.timedelta(days=1)
MEMBERS = tuple(f"member {number}" for number in range(6))


def told(day: int, account: str = "member 0", minute: int = 0, **others: Any) -> Row:
    """A member's message so many days after the first Monday, at noon."""
    time = at(f"{MONDAY + day * A_DAY} 12:{minute:02}")
    return {"account_id": account, "group_id": "app:g", "time": time, **others}


def talk(days: range, members: tuple[str, ...] = MEMBERS) -> list[Row]:
    """Days on which each member writes three messages within minutes."""
    return [
        told(day, name, 3 * number + each) for day in days for number, name in enumerate(members) for each in range(3)
    ]


def alive_feed(days: int) -> list[Row]:
    return [{**told(day), "type": kinds.FEED_HEARTBEAT, "group_id": None, "account_id": None} for day in range(days)]


def judged(rows: list[Row], days: int) -> pl.DataFrame:
    """The life of the group whose feed lives for so many days, all of them complete."""
    frame = events(*rows, *alive_feed(days))
    facts = (group_day(frame), person_day(frame), feed_day(frame), group_table(frame, births(frame)))
    return life_days(*facts, MONDAY + (days - 1) * A_DAY, ZONE, LifeRules())


def last(rows: list[Row], days: int) -> dict[str, Any]:
    return judged(rows, days).row(-1, named=True)


def test_operators_and_bots_keep_no_group_alive():
    staff = [told(day, "op", role=role) for day in range(70, 110) for role in ("operator", "bot")]
    found = judged([*talk(range(70)), *staff], 110)
    assert found["state"].unique(maintain_order=True).to_list() == ["alive", "declining", "dying", "dead"]
    assert (found.filter(pl.col("state") == "dying")["operator_share_28d"] > 0).all()


def test_a_burst_of_red_packets_and_broadcasts_is_no_revival():
    bursts = [
        told(day, name, minute, message_kind=kind)
        for day in range(100, 130)
        for minute, name in enumerate(MEMBERS)
        for kind in sorted(kinds.NOT_ENGAGEMENT)
    ]
    assert last([*talk(range(70)), *bursts], 130)["state"] == "dead"
    assert last([*talk(range(70)), *bursts, told(129)], 130)["state"] == "revived"


def test_joining_and_leaving_are_summed_up_over_28_days():
    moves = [
        *(told(day, f"new {day}", type=kinds.MEMBER_JOINED) for day in range(50, 70)),
        *(told(day, f"new {day}", type=kinds.MEMBER_LEFT) for day in (60, 69)),
        *(told(day, f"new {day}") for day in (41, 42, 69)),
    ]
    found = last([*talk(range(70)), *moves], 70)
    assert [found[name] for name in ("joined_28d", "left_28d", "newly_active_28d")] == [20, 2, 2]


def test_concentration_is_that_of_28_days_and_of_the_28_before():
    found = last([*talk(range(42)), *talk(range(42, 70), MEMBERS[:1])], 70)
    assert (found["half_writers_28d"], found["half_writers_before"]) == (1, 3)


def test_a_group_of_another_feed_is_not_measured_by_this_one():
    days = judged([*talk(range(20)), told(0, "shop", source="other", group_id="app:h")], 40)
    assert days.filter(pl.col("is_measured")).group_by("group_id").len().sort("group_id")["len"].to_list() == [40, 1]


def without_heartbeats(*rows: Row, days: int) -> pl.DataFrame:
    """The lives of groups whose source sent these messages and no heartbeat, so many days being complete."""
    frame = events(*rows)
    facts = (group_day(frame), person_day(frame), feed_day(frame), group_table(frame, births(frame)))
    return life_days(*facts, MONDAY + (days - 1) * A_DAY, ZONE, LifeRules())


def test_a_group_of_a_source_without_heartbeats_is_judged_by_whether_its_other_groups_flow():
    others = [told(day, group_id=f"app:{day % 9}") for day in range(20, 60)]
    lives = without_heartbeats(*talk(range(20)), *others, days=60).filter(group_id="app:g")
    dead = lives.filter(state="dead")
    assert (lives["is_measured"].all(), dead["day"].min()) == (True, MONDAY + (19 + 28) * A_DAY)


def test_the_only_group_of_a_source_without_heartbeats_lives_on_and_is_not_measured_since_its_last_day():
    [spell] = group_state(without_heartbeats(*talk(range(20)), days=85).lazy()).collect().to_dicts()
    assert (spell["state"], spell["silent_days"]) == ("alive", 65)
    assert spell["unmeasured_since"] == MONDAY + 20 * A_DAY


def test_health_is_of_living_groups_and_has_the_schema_of_the_table():
    found = group_health(judged(talk(range(5)), 50).lazy()).collect()
    assert found.schema == GROUP_HEALTH.schema
    assert (found["day"].min(), found["day"].max()) == (MONDAY, MONDAY + 31 * A_DAY)


def test_no_event_gives_no_day():
    assert judged([], 3).is_empty()
