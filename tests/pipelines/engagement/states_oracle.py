"""What members' states must be: a walk over windows, one after another, in plain Python."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from tests.pipelines.engagement.oracle import Row, is_message, is_reaction

Member = tuple[str, str]


def member_state(rows: list[Row], day: dt.date) -> set[tuple[Any, ...]]:
    """Rows of `MEMBER_STATE`."""
    known = sorted(
        (row for row in rows if row["day"] <= day), key=lambda row: (row["time"], row["offset"], row["position"])
    )
    active: dict[Member, set[dt.date]] = {}
    inside: dict[Member, bool] = {}
    for row in known:
        member = (row["group_id"], row["person_id"])
        if is_message(row) or is_reaction(row):
            active.setdefault(member, set()).add(row["day"])
        if row["type"] == "member.joined" and row["role"] == "member":
            inside[member] = True
        if row["type"] == "member.left":
            inside[member] = False
    lurkers = {member for member, is_inside in inside.items() if is_inside and member not in active}
    exchanges = _exchanges(known, day)
    found = set()
    for member in {*active, *lurkers}:
        days = active.get(member, set())
        state, started, last = "lurker", None, max(((day - each).days // 7 for each in days), default=-1)
        silent = 0
        for window in range(last, -1, -1):
            is_active = any((day - each).days // 7 == window for each in days)
            if is_active:
                came_back = "returned" if state == "disengaged" else "active"
                state = "newly_active" if started is None else came_back
                started = window if started is None else started
            else:
                state = "paused" if silent == 0 else "disengaged"
            silent = 0 if is_active else silent + 1
        is_in = [any((day - each).days // 7 == window for each in days) for window in range(4)]
        is_connected = [
            is_in[window]
            and sum(
                count >= 5
                for (group, pair, at), count in exchanges.items()
                if group == member[0] and at == window and member[1] in pair
            )
            >= 5
            for window in range(4)
        ]
        found.add(
            (
                *member, day, state,
                sum(is_in) >= 3,
                sum(is_connected) >= 3,
                started == 2 and is_in[1] and is_in[0],
                started == 1 and not is_in[0],
                state == "paused" and sum(is_in) < 3,
                sum(is_in), sum(is_connected), min(days, default=None), max(days, default=None),
            )
        )  # fmt: skip
    return found


def _exchanges(known: list[Row], day: dt.date) -> Counter[tuple[str, frozenset[str], int]]:
    """Answers by group, pair of persons and window."""
    written: dict[tuple[str, str], Row] = {}
    for row in known:
        if is_message(row) and (name := row.get("message_id")):
            written.setdefault((row["group_id"], name), row)
    found: Counter[tuple[str, frozenset[str], int]] = Counter()
    for row in known:
        name = row.get("reply_to") if is_message(row) else row.get("message_id") if is_reaction(row) else None
        original = written.get((row["group_id"], name)) if name else None
        if original is None or original["person_id"] == row["person_id"]:
            continue
        if row["time"] - original["time"] <= dt.timedelta(days=28):
            pair = frozenset({row["person_id"], original["person_id"]})
            found[row["group_id"], pair, (day - row["day"]).days // 7] += 1
    return found
