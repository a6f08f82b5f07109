"""From a scenario to its world: plan, write events, deliver."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from emberline.simulator import buying, chat, company, pauses, people, products, shop, spend, staff, truth
from emberline.simulator.clock import Calendar
from emberline.simulator.encode import numbered
from emberline.simulator.faults import delivered
from emberline.simulator.rows import gathered
from emberline.simulator.scenario import Scenario
from emberline.simulator.world import Truth, World

_PARTS: Final = (
    "company",
    "products",
    "people",
    "activity",
    "chat",
    "staff",
    "buying",
    "shop",
    "faults",
    "spend",
    "pauses",
)


def simulate(scenario: Scenario) -> World:
    """The simulated world of a scenario; the same scenario always gives the same bytes."""
    # Each part draws from a stream of its own: a change in one leaves the others as they were.
    seeds = np.random.SeedSequence(scenario.seed).spawn(len(_PARTS))
    rng = {part: np.random.default_rng(seed) for part, seed in zip(_PARTS, seeds, strict=True)}
    calendar = Calendar.of(scenario.zone, scenario.start, scenario.days)
    carriers = pl.Series(scenario.carriers)

    firm = company.plan(scenario, calendar, rng["company"])
    offers = products.plan(calendar, firm, rng["products"])
    members = people.plan(scenario, calendar, firm, offers, rng["people"])
    purchases = buying.plan(scenario, calendar, firm, offers, members, rng["buying"])
    course = pauses.course(scenario, pauses.Chance.of(scenario, firm, rng["pauses"]))
    activity = chat.activity(scenario, calendar, firm, members, course, rng["activity"])

    events = numbered(gathered(
        staff.group_events(firm, carriers, rng["staff"]),
        staff.product_messages(firm, carriers, offers, rng["staff"]),
        staff.staff_messages(calendar, firm, carriers, rng["staff"]),
        staff.heartbeats(scenario, calendar),
        chat.comings_and_goings(firm, carriers, members),
        chat.said(firm, carriers, activity, rng["chat"]),
        chat.red_packets(calendar, firm, carriers, members, rng["chat"]),
        shop.links(calendar, firm, carriers, members, purchases, rng["shop"]),
        shop.clicks(firm, carriers, members, purchases, calendar.end, rng["shop"]),
        shop.orders(firm, purchases, offers, rng["shop"]),
        spend.spend(calendar, firm, rng["spend"]),
        pauses.interventions(calendar, firm, carriers, course),
    ))  # fmt: skip
    records = delivered(scenario, events, rng["faults"])

    at = truth.watermark(events)
    levels = truth.levels(firm, carriers, members, purchases, at)
    return World(
        records=records.drop("sort"),
        truth=Truth(
            funnel=truth.funnel(levels),
            funnel_mature=truth.funnel(levels.filter("is_mature")),
            levels=levels,
            groups=truth.groups(calendar, firm, carriers, activity, at),
            sales=truth.sales(firm, purchases, offers),
            spend=truth.spend(events),
            interventions=pauses.outcomes(scenario, calendar, firm, course),
            counts=truth.counts(records),
            watermark=dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=at),
            complete_through=truth.complete_through(calendar, at),
        ),
    )
