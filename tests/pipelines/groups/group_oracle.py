"""What the facts of groups must be, in plain Python over rows, sets and one day after another."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.pipelines.engagement.oracle import is_message, is_reaction

Row = dict[str, Any]
A_DAY = dt.timedelta(days=1)
CHAT = {"member", "message", "reaction", "group"}


def births(rows: list[Row]) -> dict[str, dt.datetime]:
    """The instant each group was born: the first whose window holds enough messages and members."""
    born: dict[str, dt.datetime] = {}
    said = sorted((r for r in rows if is_message(r)), key=lambda r: (r["time"], r["offset"], r["position"]))
    for row in said:
        window = [
            r
            for r in said
            if r["group_id"] == row["group_id"]
            and r["time"] <= row["time"]
            and row["time"] - r["time"] < dt.timedelta(minutes=20)
        ]
        if len(window) >= 4 and len({r["person_id"] for r in window}) >= 3:
            born.setdefault(row["group_id"], row["time"])
    return born


def group_day(rows: list[Row]) -> set[tuple[Any, ...]]:
    """Rows of `GROUP_DAY`."""
    days: dict[tuple[str, dt.date], list[Row]] = defaultdict(list)
    for row in rows:
        if row["group_id"] is not None:
            days[row["group_id"], row["day"]].append(row)
    return {(*key, *_counts(own), key[1].replace(day=1)) for key, own in days.items()}


def _counts(rows: list[Row]) -> tuple[Any, ...]:
    said = [r for r in rows if is_message(r)]
    reacted = [r for r in rows if is_reaction(r)]
    sent = [r for r in rows if r["type"] == "message.sent"]

    def moved(kind: str) -> set[str]:
        return {r["person_id"] for r in rows if r["type"] == kind and r["role"] == "member"}

    return (
        len({r["person_id"] for r in said}),
        len({r["person_id"] for r in said + reacted}),
        len(said),
        sum(r["reply_to"] is not None for r in said),
        len(reacted),
        len(moved("member.joined")),
        len(moved("member.left")),
        sum(r["role"] == "operator" for r in sent),
        sum(r["role"] == "bot" for r in sent),
        sum(r["product_id"] is not None for r in sent),
        sum(r["type"] == "link.clicked" for r in rows),
        min((r["source"] for r in rows if r["type"].split(".")[0] in CHAT), default=None),
        coverage(rows),
        membership(rows),
    )


def group(rows: list[Row]) -> set[tuple[Any, ...]]:
    """Rows of `GROUP` of groups that were never born."""
    described: dict[str, dict[str, Any]] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    for row in sorted(rows, key=lambda r: (r["time"], r["offset"], r["position"])):
        key = row["group_id"]
        if key is None:
            continue
        about = described.setdefault(key, {})
        if row["role"] == "operator":
            seen[key].add(row["account_id"])
        if row["type"] not in {"group.created", "group.updated", "group.closed"}:
            continue
        for name in ("group_name", "group_purpose", "group_operators", "group_planned_end"):
            if row[name] is not None:
                about[name] = row[name]
        if row["type"] == "group.created":
            about.setdefault("created_at", row["time"])
            about.pop("closed_at", None)
        if row["type"] == "group.closed":
            about.setdefault("closed_at", row["time"])
    return {
        (
            key,
            key.split(":")[0],
            about.get("group_name"),
            about.get("group_purpose"),
            len(set(about.get("group_operators") or seen[key])),
            about.get("created_at"),
            about.get("closed_at"),
            about.get("group_planned_end"),
            None,
        )
        for key, about in described.items()
    }


@dataclass(frozen=True)
class Life:
    """What is known of one group: its first day, days with activity, days of birth and of ends.

    `unheard` are days on which its source told nothing.
    """

    first: dt.date
    active: frozenset[dt.date]
    born: dt.date | None
    closed: dt.date | None
    planned: dt.date | None
    unheard: frozenset[dt.date] = frozenset()


@dataclass(frozen=True)
class Spell:
    """A row of `GROUP_STATE` without its group, its reason and its components."""

    state: str
    since: dt.date
    until: dt.date | None
    is_current: bool
    last_active_day: dt.date | None
    silent_days: int | None
    unmeasured_since: dt.date | None


def coverage(rows) -> str | None:
    """The widest coverage of events of a chat."""
    seen = {row.get("coverage") or "full" for row in rows if row["type"].split(".")[0] in CHAT}
    return next((word for word in ("full", "metadata", "mentions", "aggregate") if word in seen), None)


def membership(rows) -> str | None:
    """What the events of a chat tell of joins and leaves, at best."""
    told = {row.get("membership") for row in rows if row["type"].split(".")[0] in CHAT}
    return next((word for word in ("events", "snapshots", "joins_only", "none") if word in told), None)


def spells(life: Life, through: dt.date, dead_after_days: int) -> list[Spell]:
    """The spells of a group, found by judging one day after another."""
    days = [life.first + A_DAY * n for n in range((through - life.first).days + 1)]
    found = []
    for state, run in groupby(days, key=lambda day: _state(life, day, dead_after_days)):
        own = list(run)
        last = max((day for day in life.active if day <= own[-1]), default=None)
        found.append(
            Spell(
                state=state,
                since=own[0],
                until=None if own[-1] == through else own[-1] + A_DAY,
                is_current=own[-1] == through,
                last_active_day=last,
                silent_days=None if last is None else (own[-1] - last).days,
                unmeasured_since=None if state == "ended" else _unmeasured_since(life, own[-1]),
            )
        )
    return found


def _unmeasured_since(life: Life, day: dt.date) -> dt.date | None:
    since = None
    while day >= life.first and day in life.unheard:
        since, day = day, day - A_DAY
    return since


def _silent(life: Life, after: dt.date, day: dt.date) -> int:
    """Measured days after one day and up to another."""
    return sum(after + A_DAY * n not in life.unheard for n in range(1, (day - after).days + 1))


def _state(life: Life, day: dt.date, dead_after_days: int, stay_days: int = 7) -> str:
    if any(end is not None and end <= day for end in (life.closed, life.planned)):
        return "ended"
    if life.born is None or day < life.born:
        return "unborn"
    active = sorted(each for each in life.active if life.born <= each <= day)
    if _silent(life, active[-1], day) >= dead_after_days:
        return "dead"
    # The life that lasts began after the last silence that was long enough for death.
    begun = max(
        each
        for before, each in zip([None, *active], active, strict=False)
        if before is None or _silent(life, before, each - A_DAY) >= dead_after_days
    )
    if begun == active[0]:
        return "alive"
    return "alive" if any((each - begun).days >= stay_days for each in active) else "revived"
