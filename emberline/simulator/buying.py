"""Clicks, orders, payments and refunds: the steps of the plan after exposure, and purchases beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.clock import DAY, HOUR, MINUTE, NEVER, SECOND, Calendar, Instants, after, within
from emberline.simulator.company import Company
from emberline.simulator.people import (
    CLICK_LIMIT,
    CLICKED,
    ORDER_LIMIT,
    ORDERED,
    PAID,
    PAYMENT_LIMIT,
    REPURCHASE_LIMIT,
    REPURCHASED,
    WINDOW,
    People,
    drawn,
    noise_instants,
)  # fmt: skip
from emberline.simulator.products import PRODUCTS, ProductMessages
from emberline.simulator.scenario import Scenario

Index = npt.NDArray[np.int64]

CURRENCIES: Final = pl.Series(["CNY", "USD"])
WALK_INS: Final = 0.03
OPERATOR_BUYERS: Final = 2


@dataclass(frozen=True)
class Purchases:
    """What is bought, by whom.

    Attributes:
        clicks: person, time, group (-1: none), offer (-1: none), product, by_second (with the second account).
        orders: person, placed, paid (`NEVER`: not), offer (-1: none; the order names its group and message),
            product, total_minor, currency.
        refunds: order (row of `orders`), time, total_minor.
        outsiders: Customers without a home group, numbered after the persons who have one; the last `OPERATOR_BUYERS`
            of them are operators.
    """

    clicks: pl.DataFrame
    orders: pl.DataFrame
    refunds: pl.DataFrame
    outsiders: int


def plan(
    scenario: Scenario,
    calendar: Calendar,
    company: Company,
    offers: ProductMessages,
    people: People,
    rng: np.random.Generator,
) -> Purchases:
    """Draw clicks and orders so that every person reaches exactly its level."""
    everyone = np.arange(people.size)
    clicked = np.where(people.level >= CLICKED, after(rng, people.exposed, 0.6 * DAY, CLICK_LIMIT), NEVER)
    ordered = np.where(people.level >= ORDERED, after(rng, clicked, 0.4 * DAY, ORDER_LIMIT), NEVER)
    paid = np.where(people.level >= PAID, after(rng, ordered, 0.1 * DAY, PAYMENT_LIMIT), NEVER)
    too_late = after(rng, people.joined + WINDOW + DAY, 2 * DAY, 5 * DAY)
    pays_too_late = (people.level == ORDERED) & (rng.random(people.size) < 0.3) & (too_late < calendar.end - DAY)
    paid = np.where(pays_too_late, too_late, paid)
    again = np.where(people.level >= REPURCHASED, after(rng, paid, 5 * DAY, REPURCHASE_LIMIT), NEVER)
    paid_again = np.where(people.level >= REPURCHASED, after(rng, again, 0.1 * DAY, PAYMENT_LIMIT), NEVER)

    # Some click once more in their second group before they order: the last click is not where the chain was.
    moved = (people.second >= 0) & (people.level >= ORDERED) & (rng.random(people.size) < 0.6)
    elsewhere = np.where(moved & (people.second_joined < clicked), within(rng, clicked, ordered), NEVER)
    by_second = people.on_two_carriers(company) & (people.second_joined < clicked) & (rng.random(people.size) < 0.4)
    # Half of the second orders follow a click of their own; the others may be too late for the first one.
    back = np.where((again != NEVER) & (rng.random(people.size) < 0.5), within(rng, paid, again), NEVER)
    noisy, noise_at = drawn(rng, *noise_instants(people, calendar.end, rng), 0.12)
    clicks = pl.concat([
        _clicks(offers, everyone, people.home, clicked, people.offer, by_second),
        _clicks(offers, everyone, people.second, elsewhere, offers.last(people.second, elsewhere), True),
        _clicks(offers, everyone, people.home, back, offers.last(people.home, back)),
        _clicks(offers, noisy, people.home[noisy], noise_at, offers.last(people.home[noisy], noise_at)),
    ])  # fmt: skip

    outsiders = max(1, round(WALK_INS * scenario.members)) + OPERATOR_BUYERS
    outside = people.size + np.arange(outsiders)
    walked = within(rng, np.full(outsiders, calendar.begin), np.full(outsiders, calendar.end - 2 * DAY))
    low, high = noise_instants(people, calendar.end, rng)
    beside, beside_at = drawn(rng, low, high, 0.06)
    beside_paid = within(rng, beside_at + SECOND, np.minimum(high[beside], beside_at + HOUR))
    # An order that is never paid would be the sixth step of those who may not go beyond the fifth; these are all paid.
    quoted = np.where(rng.random(people.size) < 0.4, people.offer, -1)
    none = np.full(people.size, -1)
    orders = pl.concat([
        _orders(everyone, ordered, paid, quoted),
        _orders(everyone, again, paid_again, none),
        _orders(beside, beside_at, beside_paid, np.full(len(beside), -1)),
        _orders(outside, walked, after(rng, walked, 10 * MINUTE, HOUR), np.full(outsiders, -1)),
    ]).filter(pl.col("placed") != NEVER).sort("placed", "person")  # fmt: skip
    orders = orders.with_columns(
        product=pl.Series(rng.integers(0, PRODUCTS, orders.height)),
        total_minor=pl.Series(np.maximum(100, rng.lognormal(9.0, 0.9, orders.height)).astype(np.int64)),
        currency=CURRENCIES.gather((rng.random(orders.height) < 0.1).astype(np.int64)),
    )
    return Purchases(clicks, orders, _refunds(scenario, calendar, orders, rng), outsiders)


def attributed(purchases: Purchases, offers: ProductMessages) -> pl.DataFrame:
    """Paid orders with the group their sale is credited to by last click within 7 days; -1: none.

    The group named by an order comes before the clicks. Columns of `Purchases.orders`, `order` (its row) and
    `credit`.
    """
    own = pl.Series(offers.group).gather(pl.select(pl.lit(purchases.orders["offer"]).clip(0)).to_series())
    touches = purchases.clicks.filter(pl.col("group") >= 0).select("person", "time", clicked_in="group").sort("time")
    orders = purchases.orders.with_row_index("order").with_columns(own=own).filter(pl.col("paid") != NEVER)
    return (
        orders.sort("paid")
        .join_asof(touches, left_on="paid", right_on="time", by="person", tolerance=7 * DAY, check_sortedness=False)
        .with_columns(credit=pl.when(pl.col("offer") >= 0).then("own").otherwise(pl.col("clicked_in").fill_null(-1)))
        .sort("order")
    )


def _clicks(
    offers: ProductMessages,
    person: Index,
    group: Index,
    time: Instants,
    offer: Index,
    by_second: npt.NDArray[np.bool_] | bool = False,
) -> pl.DataFrame:
    """Clicks on offers; a click without an offer names no group."""
    frame = pl.DataFrame({
        "person": person, "time": time, "group": np.where(offer >= 0, group, -1), "offer": offer,
        "product": np.where(offer >= 0, offers.product[np.maximum(offer, 0)], person % PRODUCTS),
        "by_second": np.broadcast_to(by_second, len(person)),
    })  # fmt: skip
    return frame.filter(pl.col("time") != NEVER)


def _orders(person: Index, placed: Instants, paid: Instants, offer: Index) -> pl.DataFrame:
    return pl.DataFrame({"person": person, "placed": placed, "paid": paid, "offer": offer})


def _refunds(scenario: Scenario, calendar: Calendar, orders: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Full, partial and repeated refunds; one of more than was paid, and one of an order nobody paid."""
    paid, total = orders["paid"].to_numpy(), orders["total_minor"].to_numpy()
    chosen = np.flatnonzero((paid < calendar.end - 2 * DAY) & (rng.random(len(paid)) < scenario.refunds))
    half = rng.random(len(chosen)) < 0.5
    amount = np.where(half, total[chosen] // 3, total[chosen])
    if len(chosen):
        amount[0] = total[chosen[0]] + 5_000
    first = after(rng, paid[chosen], 3 * DAY, 20 * DAY)
    twice = half & (rng.random(len(chosen)) < 0.3)
    second = after(rng, first[twice], 2 * DAY, 5 * DAY)
    unpaid = np.flatnonzero(paid == NEVER)[:1]
    return pl.DataFrame({
        "order": np.concatenate([chosen, chosen[twice], unpaid]),
        "time": np.concatenate([first, second, orders["placed"].to_numpy()[unpaid] + DAY]),
        "total_minor": np.concatenate([amount, amount[twice], total[unpaid]]),
    }).filter(pl.col("time") < calendar.end)  # fmt: skip
