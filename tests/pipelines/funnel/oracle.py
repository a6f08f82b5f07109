"""What the funnel must say, found by trying everything: slow, plain and obviously right."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations
from typing import Any

from schemas import kinds
from tests.pipelines.funnel.samples import Event, key


@dataclass(frozen=True)
class Row:
    """One event: its time, the steps it satisfies, the gaps between steps it is excluded from, and what is held."""

    time: int
    steps: frozenset[int]
    excluded: frozenset[int] = frozenset()
    held: int | None = 0


@dataclass(frozen=True)
class Options:
    """A definition, and the time from which no chain may start."""

    n_steps: int
    window: int
    mode: str = "sequential"
    strict_increase: bool = False
    count: str = "persons"
    start_before: float = math.inf


Chain = tuple[tuple[int, int], ...]
"""(row, step) of each match, rows ascending."""


def all_chains(rows: Sequence[Row], options: Options) -> list[Chain]:
    """Every chain there is: every choice of rows, with every step for each of them, that breaks no rule."""
    steps = range(1, options.n_steps)
    return [
        chain
        for length in range(1, options.n_steps + 1)
        for chosen in combinations(range(len(rows)), length)
        for others in permutations(steps, length - 1)
        if _is_chain(rows, chain := tuple(zip(chosen, (0, *others), strict=True)), options)
    ]


def _is_chain(rows: Sequence[Row], chain: Chain, options: Options) -> bool:
    first, last = rows[chain[0][0]], rows[chain[-1][0]]
    return (
        all(step in rows[row].steps for row, step in chain)
        and first.time < options.start_before
        and last.time - first.time <= options.window
        and all(rows[row].held is not None and rows[row].held == first.held for row, _ in chain)
        and all(_may_follow(rows, before, after, options) for before, after in pairwise(chain))
    )


def _may_follow(rows: Sequence[Row], before: tuple[int, int], after: tuple[int, int], options: Options) -> bool:
    between = rows[before[0] + 1 : after[0]]
    if options.mode == "any_order":
        return not any(row.excluded for row in between)
    pair = {before[1], after[1]}
    return (
        after[1] == before[1] + 1
        and not any(before[1] in row.excluded for row in between)
        and not (options.strict_increase and rows[before[0]].time == rows[after[0]].time)
        and not (options.mode == "consecutive" and between)
        and not (options.mode == "strict_order" and any(row.steps - pair for row in between))
    )


def best_chains(rows: Sequence[Row], options: Options) -> list[Chain]:
    """The chains that count: the best one, or the one of each entry."""
    chains = all_chains(rows, options)
    if options.count == "persons":
        return [min(chains, key=_rank)] if chains else []
    found = []
    opened = -1
    while starts := [chain[0][0] for chain in chains if chain[0][0] > opened]:
        opening = min(starts)
        over = rows[opening].time + options.window
        attempts = [chain for chain in chains if chain[0][0] >= opening and rows[chain[0][0]].time <= over]
        whole = [chain for chain in attempts if len(chain) == options.n_steps]
        first_whole = min((chain[-1][0] for chain in whole), default=None)
        found.append(min((c for c in whole if c[-1][0] == first_whole), key=_rank, default=min(attempts, key=_rank)))
        opened = max(n for n, row in enumerate(rows) if row.time <= over) if first_whole is None else first_whole
    return found


def _rank(chain: Chain) -> tuple[Any, ...]:
    """Longest first, then the latest start, then the earliest end, then the earliest rows."""
    places = [row for row, _ in chain]
    return (-len(places), -places[0], places[-1], places)


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
