"""What the funnel must say, found by trying everything: slow, plain and obviously right."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from itertools import combinations
from typing import Any

from schemas import kinds
from tests.pipelines.funnel.samples import Event, key


def best_chain(times: list[int], satisfied: list[int], window: int, n_steps: int) -> list[int]:
    """Rows of the longest chain; among equals the latest first row, then the earliest following ones."""
    chains = [
        rows
        for length in range(1, n_steps + 1)
        for rows in combinations(range(len(times)), length)
        if all(satisfied[row] >> step & 1 for step, row in enumerate(rows))
        and times[rows[-1]] - times[rows[0]] <= window
    ]
    return list(min(chains, key=lambda rows: (-len(rows), -rows[0], rows[1:]), default=()))


def is_own(e: Event) -> bool:
    commerce = e["type"].startswith(("order.", "product.", "cart."))
    return e["person_id"] is not None and e["type"] != kinds.FEED_HEARTBEAT and (e["role"] == "member" or commerce)


def is_active(e: Event) -> bool:
    speaks = e["type"] == kinds.MESSAGE_SENT and e.get("message_kind") not in kinds.NOT_ENGAGEMENT
    return e["role"] == "member" and (speaks or e["type"] == kinds.REACTION_ADDED)


def marks(events: list[Event]) -> dict[tuple[str, str], set[str]]:
    """The derived events without any thinning: (person, event id) to the marks it carries."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    ordered = sorted(events, key=key)
    own = [e for e in ordered if is_own(e)]
    for person, group in {(e["person_id"], e.get("group_id")) for e in own}:
        mine = [e for e in own if e["person_id"] == person and e.get("group_id") == group]
        if group is not None:
            for name, some in _milestones(mine).items():
                for e in some:
                    found[person, e["event_id"]].add(name)
            joined = [e for e in mine if "joined" in found.get((person, e["event_id"]), ())]
            for e in _seen(person, group, joined, ordered):
                found[person, e["event_id"]].add("exposed")
    for person in {e["person_id"] for e in own}:
        payments: dict[Any, Event] = {}
        for e in own:
            if e["person_id"] == person and e["type"] == kinds.ORDER_PAID:
                payments.setdefault((e["source"], e["order_id"]), e)
        for e in list(payments.values())[1:]:
            found[person, e["event_id"]].add("repurchased")
    return dict(found)


def _milestones(mine: list[Event]) -> dict[str, list[Event]]:
    active = [e for e in mine if is_active(e)]
    joined = [e for e in mine if e["type"] == kinds.MEMBER_JOINED]
    if active and not any(key(e) < key(active[0]) for e in joined):
        joined = [*joined, active[0]]
    activated = []
    for j in joined:
        after = [a for a in active if key(a) > key(j)]
        if after and after[0]["time"] < j["time"] + dt.timedelta(days=7):
            activated.append(after[0])
    retained = []
    for a in activated:
        retained += [b for b in active if b["day"].isocalendar()[:2] > a["day"].isocalendar()[:2]][:1]
    return {"joined": joined, "activated": activated, "retained": retained}


def _seen(person: str, group: str, joined: list[Event], ordered: list[Event]) -> list[Event]:
    left = [
        e for e in ordered if e["type"] == kinds.MEMBER_LEFT and e["person_id"] == person and e.get("group_id") == group
    ]
    return [
        m
        for m in ordered
        if m["type"] == kinds.MESSAGE_SENT
        and m.get("product_id") is not None
        and m.get("group_id") == group
        and m["person_id"] != person
        and any(key(j) < key(m) and not any(key(j) < key(x) < key(m) for x in left) for j in joined)
    ]
