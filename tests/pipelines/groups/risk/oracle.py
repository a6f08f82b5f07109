"""The features of a group's day, each counted by hand from its definition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from schemas.lake import PERSON_DAY

FIRST = dt.date(2024, 1, 1)
A_DAY = dt.timedelta(days=1)


class Active(NamedTuple):
    """A person's activity in a group on a day; times are minutes of the day."""

    group: str
    person: str
    day: int
    messages: int
    reactions: int
    first: int
    last: int


def frame(rows: Sequence[Active]) -> pl.LazyFrame:
    """The rows as `PERSON_DAY`."""

    def instant(day: int, minute: int) -> dt.datetime:
        return dt.datetime.combine(FIRST, dt.time(), dt.UTC) + dt.timedelta(days=day, minutes=minute)

    cells = [
        {
            "person_id": row.person,
            "group_id": row.group,
            "day": FIRST + row.day * A_DAY,
            "messages": row.messages,
            "replies": 0,
            "reactions": row.reactions,
            "first_time": instant(row.day, row.first),
            "last_time": instant(row.day, row.last),
            "month": (FIRST + row.day * A_DAY).replace(day=1),
        }
        for row in rows
    ]
    return pl.LazyFrame(cells, schema=PERSON_DAY.schema)


def measured(rows: Sequence[Active], through: int) -> dict[tuple[str, dt.date], dict[str, float]]:
    """By group and day what `risk_features` measures."""
    found = {}
    for group in {row.group for row in rows}:
        own = [row for row in rows if row.group == group and row.day <= through]
        first = min((row.day for row in own), default=through)
        for day in range(first + 28, through + 1):
            past = sorted((row for row in own if row.day <= day), key=lambda row: (row.day, row.last, row.person))
            if past[-1].day > day - 28:
                found[group, FIRST + day * A_DAY] = _day(past, first, day)
    return found


def _day(past: list[Active], first: int, day: int) -> dict[str, float]:
    days = sorted({row.day for row in past})
    debut: dict[str, int] = {}
    for row in past:
        debut.setdefault(row.person, row.day)
    values: dict[str, float] = {}
    for half_life in (14, 28, 56, 112, 224, 448):
        weights = {one: 0.5 ** ((day - one) / half_life) for one in range(first, day + 1)}
        whole = sum(weights.values())
        values[f"activity_{half_life}"] = sum(weights[one] for one in days) / whole
        values[f"persons_{half_life}"] = sum(weights[row.day] for row in past) / whole
        values[f"newcomers_{half_life}"] = sum(weights[one] for one in debut.values()) / whole
    never = day - first + 28
    for back in (1, 2, 3, 5, 10):
        values[f"since_active_day_{back}"] = day - days[-back] if len(days) >= back else never
    messages = [row.day for row in past for _ in range(row.messages + row.reactions)]
    for back in (2, 5, 10, 50):
        values[f"since_message_{back}"] = day - messages[-back] if len(messages) >= back else never
    last = past[-1]
    others = [row for row in past if row.person != last.person]
    values["since_other_person"] = day - others[-1].day if others else day - first + 28
    values["ends_alone"] = float(_ends_alone(past))
    values["age"] = day - first
    pauses = [(later - earlier, later) for earlier, later in pairwise(days)]
    values["longest_pause"] = max((pause for pause, end in pauses if end > day - 364), default=0)
    silence = day - days[-1]
    longer = sum(pause > silence for pause, _ in pauses)
    values["outlasting_pauses"] = (sum(pause > silence + 28 for pause, _ in pauses) + 0.3) / (longer + 1)
    weeks = [range(day - 7 * week - 6, day - 7 * week + 1) for week in range(52) if day - 7 * week >= first]
    whole_or_begun = [week for week in weeks if week.start >= first - 6]
    values["active_weeks"] = sum(any(one in days for one in week) for week in whole_or_begun) / len(whole_or_begun)
    year = range(max(first, day - 363), day + 1)
    silent = [one for one in year if one - first >= 13 and not any(one - 13 <= active <= one for active in days)]
    values["silent_fortnights"] = len(silent) / len(year)
    return values


def _ends_alone(past: list[Active]) -> bool:
    last = past[-1]
    if len(past) == 1:
        return last.messages + last.reactions >= 2
    before = past[-2]
    if before.person == last.person:
        return True
    came_after = (last.day, last.first) > (before.day, before.last)
    return came_after and last.messages + last.reactions >= 2
