"""What retention must be, person by person and period by period, in plain Python."""

from __future__ import annotations

import datetime as dt
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from tests.pipelines.engagement.oracle import next_start, start_of

Event = tuple[str, dt.datetime, bool, bool]
"""Person, time, whether it can start, whether it can be a return."""

HOURS = {"day": 24, "week": 7 * 24, "month": 30 * 24}


def midnight(day: dt.date, zone: str) -> dt.datetime:
    """The instant at which a day of the zone begins."""
    return dt.datetime.combine(day, dt.time(), tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def retention(
    events: list[Event], unit: str, zone: str, through: dt.date | None, cohort: str, mode: str, periods: str
) -> set[tuple[Any, ...]]:
    """Rows of `COHORTS`."""

    def unit_of(time: dt.datetime) -> dt.date:
        return start_of(time.astimezone(ZoneInfo(zone)).date(), unit)

    starts: dict[tuple[str, dt.date], dt.datetime] = {}
    for person, time, is_start, _ in sorted(events, key=lambda event: event[1]):
        if is_start and (cohort == "every_start" or all(other != person for other, _ in starts)):
            starts.setdefault((person, unit_of(time)), time)
    end = None if through is None else midnight(through + dt.timedelta(days=1), zone)
    times = [time for _, time, is_start, is_return in events if is_start or is_return]
    if end is not None:
        times.append(end - dt.timedelta(microseconds=1))
    cells = set()
    for first in {unit for _, unit in starts}:
        members = {person: time for (person, unit), time in starts.items() if unit == first}
        opened = first
        for period in count():
            length = dt.timedelta(hours=HOURS[unit])
            if periods == "rolling":
                spans = {who: (time + period * length, time + (period + 1) * length) for who, time in members.items()}
                has_begun = midnight(first, zone) + period * length <= max(times)
                last_end = midnight(next_start(first, unit), zone) + (period + 1) * length
            else:
                closed = next_start(opened, unit)
                spans = dict.fromkeys(members, (midnight(opened, zone), midnight(closed, zone)))
                has_begun = midnight(opened, zone) <= max(times)
                last_end, opened = midnight(closed, zone), closed
            if not has_begun:
                break
            is_over = end is not None and last_end <= end
            returned = sum(
                any(
                    who == person and is_return and max(began, members[who]) <= time < end
                    and (time < ended or mode == "on_or_after")
                    for person, time, _, is_return in events
                )
                for who, (began, ended) in spans.items()
            ) if is_over and end is not None else None  # fmt: skip
            cells.add((unit, first, period, len(members), returned, is_over))
    return cells
