"""What was done for groups, by a search through all events for each day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from schemas import kinds
from tests.pipelines.engagement.frames import Row

A_DAY = dt.timedelta(days=1)

Found = tuple[str, dt.date, str, dt.datetime | None, str | None]
"""Group, day, action, when (None: the beginning of the day), and by whom."""


def is_active(row: Row) -> bool:
    return (
        row["role"] == "member"
        and row["type"] in {kinds.MESSAGE_SENT, kinds.REACTION_ADDED}
        and not (row["type"] == kinds.MESSAGE_SENT and row.get("message_kind") in kinds.NOT_ENGAGEMENT)
    )


def first(rows: list[Row]) -> Row:
    return min(rows, key=lambda row: (row["time"], row["source"], row["event_id"]))


def seen(rows: list[Row], silent_days: int) -> set[Found]:
    found: set[Found] = set()
    told = defaultdict[str, set[dt.date]](set)
    for row in rows:
        told[row["source"]].add(row["day"])
    for group in {row["group_id"] for row in rows} - {None}:
        own = [row for row in rows if row["group_id"] == group]
        found |= {(group, *one) for one in _of_group(own, told, silent_days)}
    return found


def _of_group(own: list[Row], told: dict[str, set[dt.date]], silent_days: int) -> set[Any]:
    by_day = defaultdict[dt.date, list[Row]](list)
    for row in own:
        by_day[row["day"]].append(row)
    since = min(by_day)
    sources = {
        day: min((row["source"] for row in rows if row["type"] in kinds.OF_CHAT), default=None)
        for day, rows in by_day.items()
    }
    found, broken, operators = set(), set(), set()

    def is_measured(day: dt.date) -> bool:
        return any(source and known <= day and day in told[source] for known, source in sources.items())

    def joins(day: dt.date) -> int:
        return len({
            row["person_id"] for row in by_day.get(day, ())
            if row["type"] == kinds.MEMBER_JOINED and row["role"] == "member"
        })  # fmt: skip

    for day in sorted(by_day):
        rows = by_day[day]
        sent = [row for row in rows if row["type"] == kinds.MESSAGE_SENT]
        for kind in ("red_packet", "broadcast"):
            theirs = [row for row in sent if row["role"] in {"operator", "bot"} and row.get("message_kind") == kind]
            if theirs:
                found.add((day, kind, first(theirs)["time"], first(theirs)["account_id"]))
        words = [
            row for row in sent if row["role"] == "operator" and row.get("message_kind") not in kinds.NOT_ENGAGEMENT
        ]
        active = [other for other in by_day if other < day and any(map(is_active, by_day[other]))]
        if words and active:
            word, last = first(words), max(active)
            silent = sum(is_measured(last + number * A_DAY) for number in range(1, (day - last).days))
            was_first = not any(is_active(row) and row["time"] <= word["time"] for row in rows)
            if silent >= silent_days and was_first and last not in broken:
                broken.add(last)
                found.add((day, "operator_wrote", word["time"], word["account_id"]))
        theirs = [
            row for row in rows if row["role"] == "operator" and row["type"] != kinds.MEMBER_LEFT and row["account_id"]
        ]
        new = [row for row in theirs if row["account_id"] not in operators]
        if new and day - since >= 28 * A_DAY:
            earliest = min(new, key=lambda row: (row["time"], row["account_id"]))
            found.add((day, "new_operator", earliest["time"], earliest["account_id"]))
        operators |= {row["account_id"] for row in theirs}
        most = max(joins(day - number * A_DAY) for number in range(1, 29))
        is_known = day - since >= 28 * A_DAY and is_measured(day - A_DAY)
        if joins(day) >= max(5, 2 * most) and is_known:
            found.add((day, "invitation_wave", None, None))
    return found
