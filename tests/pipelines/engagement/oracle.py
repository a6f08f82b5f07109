"""What the facts of engagement must be, in plain Python over rows and sets."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

Row = dict[str, Any]
Activity = tuple[str, str, dt.date]


def is_message(row: Row) -> bool:
    """A member's message that is no red packet, broadcast or system notice."""
    return (
        row["type"] == "message.sent"
        and row["role"] == "member"
        and row.get("message_kind") not in {"red_packet", "broadcast", "system"}
    )


def is_reaction(row: Row) -> bool:
    """A member's reaction."""
    return row["type"] == "reaction.added" and row["role"] == "member"


def person_day(rows: list[Row]) -> set[tuple[Any, ...]]:
    """Rows of `PERSON_DAY`."""
    days: dict[Activity, list[Row]] = defaultdict(list)
    for row in rows:
        if is_message(row) or is_reaction(row):
            days[row["person_id"], row["group_id"], row["day"]].append(row)
    return {
        (
            *key,
            sum(is_message(r) for r in own),
            sum(is_message(r) and r.get("reply_to") is not None for r in own),
            sum(is_reaction(r) for r in own),
            min(r["time"] for r in own),
            max(r["time"] for r in own),
            key[2].replace(day=1),
        )
        for key, own in days.items()
    }


def start_of(day: dt.date, unit: str) -> dt.date:
    """First day of the unit of a day."""
    if unit == "week":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def next_start(start: dt.date, unit: str) -> dt.date:
    """First day of the next unit, found by walking."""
    day = start
    while start_of(day, unit) == start:
        day += dt.timedelta(days=1)
    return day


def starts(first: dt.date, last: dt.date, unit: str) -> list[dt.date]:
    """Starts of every unit from that of `first` to that of `last`."""
    found = [start_of(first, unit)]
    while found[-1] < start_of(last, unit):
        found.append(next_start(found[-1], unit))
    return found


def _units(activity: list[Activity], unit: str, through: dt.date | None) -> list[dt.date]:
    days = [day for _, _, day in activity]
    return starts(min(days), max([*days, *([through] if through else [])]), unit)


def _is_complete(start: dt.date, unit: str, through: dt.date | None) -> bool:
    return through is not None and next_start(start, unit) - dt.timedelta(days=1) <= through


def retention(activity: list[Activity], unit: str, through: dt.date | None) -> set[tuple[Any, ...]]:
    """Rows of `RETENTION`."""
    if not activity:
        return set()
    active = {(person, start_of(day, unit)) for person, _, day in activity}
    cohort_of = {person: min(start for other, start in active if other == person) for person, _ in active}
    cells = set()
    for cohort in set(cohort_of.values()):
        persons = {person for person, of in cohort_of.items() if of == cohort}
        later = [start for start in _units(activity, unit, through) if start >= cohort]
        for period, start in enumerate(later):
            complete = _is_complete(start, unit, through)
            count = sum((person, start) in active for person in persons) if complete else None
            cells.add((unit, cohort, period, len(persons), count, complete))
    return cells


def lifecycle(activity: list[Activity], unit: str, through: dt.date | None) -> set[tuple[Any, ...]]:
    """Rows of `LIFECYCLE`."""
    if not activity:
        return set()
    cells = set()
    earlier: set[str] = set()
    before: set[str] = set()
    for start in _units(activity, unit, through):
        now = {person for person, _, day in activity if start_of(day, unit) == start}
        cells.add(
            (
                unit,
                start,
                len(now),
                len(now - earlier),
                len(now & before),
                len((now & earlier) - before),
                len(before - now),
                _is_complete(start, unit, through),
            )
        )
        earlier |= now
        before = now
    return cells
