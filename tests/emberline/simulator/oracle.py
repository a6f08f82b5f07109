"""The standard funnel, sales and group life by brute force over decoded events (definitions, 4, 6 and 7)."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from schemas import kinds
from tests.emberline.simulator.decoded import Event, is_activity, persons

WINDOW = dt.timedelta(days=60)
WEEK = dt.timedelta(days=7)


def best_chains(events: list[Event], zone: str) -> dict[str, tuple[int, dt.datetime | None]]:
    """By person: steps of the longest chain, and when its latest possible first step was."""
    person_of = persons(events)
    offers = defaultdict(list)
    own: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    shop: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        data = event.envelope.data
        if event.envelope.type == kinds.MESSAGE_SENT and data.product_id is not None:
            offers[data.group_id].append(event)
        if event.account is None or data.role != "member":
            continue
        person = person_of[event.account]
        if event.envelope.source == "simulator/shop":
            shop[person].append(event)
        else:
            own[person][str(data.group_id)].append(event)

    chains = {}
    for person in set(person_of.values()):
        steps: dict[Event, set[str]] = defaultdict(set)
        for group, there in own[person].items():
            _derive(there, offers[group], ZoneInfo(zone), steps)
        _purchases(shop[person], steps)
        chains[person] = _longest(steps)
    return chains


def _derive(there: list[Event], offers: list[Event], zone: ZoneInfo, steps: dict[Event, set[str]]) -> None:
    active = [event for event in there if is_activity(event)]
    joins = [event for event in there if event.envelope.type == kinds.MEMBER_JOINED]
    leaves = [event for event in there if event.envelope.type == kinds.MEMBER_LEFT]
    if active and not any(join.order <= active[0].order for join in joins):
        joins.insert(0, active[0])
    for join in joins:
        steps[join].add("joined")
        left = next((leave for leave in leaves if leave.order > join.order), None)
        for offer in offers[bisect_left([o.order for o in offers], join.order) :]:
            if left is not None and offer.order >= left.order:
                break
            steps[offer].add("exposed")
        activated = next((event for event in active if event.order > join.order), None)
        if activated is None or activated.envelope.time >= join.envelope.time + WEEK:
            continue
        steps[activated].add("activated")
        later = [e for e in active if e.order > activated.order and _week(e, zone) > _week(activated, zone)]
        if later:
            steps[later[0]].add("retained")


def _week(event: Event, zone: ZoneInfo) -> tuple[int, int]:
    year, week, _ = event.envelope.time.astimezone(zone).date().isocalendar()
    return year, week


def _purchases(shop: list[Event], steps: dict[Event, set[str]]) -> None:
    paid = set()
    for event in shop:
        match event.envelope.type:
            case kinds.LINK_CLICKED:
                steps[event].add("clicked")
            case kinds.ORDER_PLACED:
                steps[event].add("ordered")
            case kinds.ORDER_PAID:
                paid.add(event.envelope.data.order_id)
                steps[event].add("paid")
                if len(paid) > 1:
                    steps[event].add("repurchased")


def _longest(steps: dict[Event, set[str]]) -> tuple[int, dt.datetime | None]:
    names = ("joined", "activated", "retained", "exposed", "clicked", "ordered", "paid", "repurchased")
    timeline = sorted(steps, key=lambda event: event.order)
    best: tuple[int, dt.datetime | None] = (0, None)
    for start, first in enumerate(timeline):
        if "joined" not in steps[first]:
            continue
        reached = 1
        for event in timeline[start + 1 :]:
            if event.envelope.time - first.envelope.time > WINDOW or reached == len(names):
                break
            reached += names[reached] in steps[event]
        if reached >= best[0]:
            best = (reached, first.envelope.time)
    return best


def sales(events: list[Event]) -> dict[tuple[str | None, str], tuple[int, int, int, int]]:
    """By group and currency: orders, paid, refunded and net minor units."""
    person_of = persons(events)
    clicks = defaultdict(list)
    refunds: dict[tuple, int] = defaultdict(int)
    payments: dict[str, Event] = {}
    for event in events:
        data = event.envelope.data
        match event.envelope.type:
            case kinds.LINK_CLICKED if data.group_id is not None:
                clicks[person_of[str(event.account)]].append(event)
            case kinds.ORDER_REFUNDED:
                refunds[data.order_id, data.currency] += data.total_minor or 0
            case kinds.ORDER_PAID:
                payments.setdefault(str(data.order_id), event)
    table: dict[tuple[str | None, str], tuple[int, int, int, int]] = {}
    for order, event in payments.items():
        data = event.envelope.data
        touches = [
            click.envelope.data.group_id
            for click in clicks[person_of[str(event.account)]]
            if click.order < event.order and event.envelope.time - click.envelope.time <= WEEK
        ]
        group = data.group_id or (touches[-1] if touches else None)
        paid, back = data.total_minor or 0, refunds[order, data.currency]
        orders, paid_before, back_before, net = table.get((group, str(data.currency)), (0, 0, 0, 0))
        table[group, str(data.currency)] = (
            orders + 1, paid_before + paid, back_before + back, net + max(0, paid - back)
        )  # fmt: skip
    return table


@dataclass(frozen=True)
class Life:
    """A group: when it was born, its last active day, and every day from which it was dead."""

    born: dt.datetime | None
    last_active_day: dt.date | None
    deaths: list[dt.date]


def group_lives(events: list[Event], zone: str, through: dt.date) -> dict[str, Life]:
    """The life of every group, of days up to `through`; the end of a group is not looked at."""
    person_of = persons(events)
    active, messages = defaultdict(set), defaultdict(list)
    for event in events:
        group = event.envelope.data.group_id
        if group is not None:
            active.setdefault(group, set())
        if is_activity(event):
            active[group].add(event.envelope.time.astimezone(ZoneInfo(zone)).date())
            if event.envelope.type == kinds.MESSAGE_SENT:
                messages[group].append(event)
    lives = {}
    for group, days in active.items():
        past = sorted(day for day in days if day <= through)
        alive_days = past if past and past[-1] == through else [*past, through]
        born = _born(messages[group], person_of)
        deaths = [
            before + dt.timedelta(days=28) for before, after in pairwise(alive_days) if (after - before).days >= 28
        ]
        lives[group] = Life(born, past[-1] if past else None, deaths)
    return lives


def _born(messages: list[Event], person_of: dict[str, str]) -> dt.datetime | None:
    for end, last in enumerate(messages):
        recent = [
            event for event in messages[max(0, end - 200) : end + 1]
            if last.envelope.time - event.envelope.time < dt.timedelta(minutes=20)
        ]  # fmt: skip
        if len(recent) >= 4 and len({person_of[str(event.account)] for event in recent}) >= 3:
            return last.envelope.time
    return None
