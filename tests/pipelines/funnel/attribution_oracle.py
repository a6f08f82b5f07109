"""What attribution must say, order by order, with fractions: slow, plain and obviously right."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from fractions import Fraction
from typing import Any

from schemas import kinds
from tests.pipelines.funnel.oracle import marks
from tests.pipelines.funnel.samples import Event, key

Touch = tuple[Event, bool]
"""An event, and whether it is a click."""

_MICROSECOND = dt.timedelta(microseconds=1)


def credits(
    events: list[Event], model: str, look_back: dt.timedelta, half_life: dt.timedelta
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """(shop, order, group, message) to (person, latest touch, paid, refunded, net)."""
    result = {}
    ordered = sorted(events, key=key)
    marked = marks(events)
    for shop, order in {(e["source"], e["order_id"]) for e in ordered if e["type"] == kinds.ORDER_PAID}:
        of_order = [e for e in ordered if e["source"] == shop and e.get("order_id") == order]
        paid = next(e for e in of_order if e["type"] == kinds.ORDER_PAID)
        refunds = [e for e in of_order if e["type"] == kinds.ORDER_REFUNDED and e["currency"] == paid["currency"]]
        amount, refunded = paid["amount_minor"], sum(e["amount_minor"] for e in refunds)
        totals = (amount, refunded, max(0, amount - refunded))
        path = _path(ordered, of_order, paid, marked, look_back)
        shares = weights(model, path, paid, half_life)
        if not any(shares):
            result[shop, order, None, None] = (paid["person_id"], None, *totals)
            continue
        parts = [apportioned(total, shares) for total in totals]
        met: dict[Any, list[int]] = defaultdict(list)
        for number, (touch, _) in enumerate(path):
            if shares[number]:
                met[touch["group_id"], touch.get("message_id")].append(number)
        for message, numbers in met.items():
            latest = max((path[number][0] for number in numbers), key=key)
            sums = (sum(part[number] for number in numbers) for part in parts)
            result[shop, order, *message] = (paid["person_id"], latest["time"], *sums)
    return result


def _path(
    ordered: list[Event], of_order: list[Event], paid: Event, marked: Any, look_back: dt.timedelta
) -> list[Touch]:
    person = paid["person_id"]
    before = [e for e in ordered if key(e) < key(paid) and e["time"] >= paid["time"] - look_back]
    path = [
        (e, is_click)
        for e in before
        for is_click in (
            e["type"] == kinds.LINK_CLICKED and e["person_id"] == person and e.get("group_id") is not None,
        )
        if is_click or "exposed" in marked.get((person, e["event_id"]), ())
    ]
    placed = [e for e in of_order if e["type"] == kinds.ORDER_PLACED]
    named = [e for e in (paid, *placed) if e.get("group_id") is not None]
    return [*path, *((e, True) for e in named[:1])]


def weights(model: str, path: list[Touch], paid: Event, half_life: dt.timedelta) -> list[Fraction]:
    n = len(path)
    clicks = [number for number, (_, is_click) in enumerate(path) if is_click]
    exposures = [number for number in range(n) if number not in clicks]
    alone = {"last_click": clicks[-1:], "first_click": clicks[:1], "last_exposure": exposures[-1:]}
    if model in alone:
        return [Fraction(number in alone[model]) for number in range(n)]
    if model == "linear":
        return [Fraction(1)] * n
    if model == "position_based":
        if n <= 2:
            return [Fraction(1)] * n
        return [Fraction(2, 5) if number in (0, n - 1) else Fraction(1, 5 * (n - 2)) for number in range(n)]
    times = [min(e["time"], paid["time"]) for e, _ in path]
    ages = [(max(times) - time) // _MICROSECOND for time in times]
    return [Fraction(decayed(256 * age // (half_life // _MICROSECOND))) for age in ages]


def decayed(steps: int) -> int:
    """The largest whole number that is at most `2 ** (20 - steps / 256)`."""
    low, high = 0, 2**20
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**256 * 2**steps <= 2**5120 else (low, middle - 1)
    return low


def apportioned(total: int, shares: list[Fraction]) -> list[int]:
    quotas = [total * share / sum(shares) for share in shares]
    parts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(shares)), key=lambda number: (parts[number] - quotas[number], number))
    for number in by_remainder[: total - sum(parts)]:
        parts[number] += 1
    return parts
