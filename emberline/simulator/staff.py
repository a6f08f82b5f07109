"""What the company does itself: group events, operators and bots, product messages, heartbeats of the feeds."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.clock import DAY, HOUR, MINUTE, NEVER, Calendar, Instants, within
from emberline.simulator.company import OPERATORS_A_CARRIER, PURPOSES, Company
from emberline.simulator.products import ProductMessages, message_ids, product_ids
from emberline.simulator.rows import SHOP, rows
from emberline.simulator.scenario import Scenario
from schemas import kinds

RED_PACKET_HOUR: Final = 20

_CHAT_A_DAY: Final = 0.4
_RED_PACKETS_EVERY: Final = 14


def red_packet_days(calendar: Calendar) -> npt.NDArray[np.int64]:
    """Indices of the days on which operators give red packets."""
    return _every(calendar, _RED_PACKETS_EVERY)


def staff_minute(hour: int, group: npt.NDArray[np.int64]) -> Instants:
    """Microseconds from midnight: each group has its own minute, as nobody writes to all at once."""
    return hour * HOUR + group % 60 * MINUTE


def operators(company: Company, carriers: pl.Series, which: int | npt.NDArray[np.int64] = 0) -> pl.Series:
    """Member keys of the operators of all groups; each group has two, `which` is 0 or 1."""
    number = (np.arange(company.size) + which) % OPERATORS_A_CARRIER + 1
    return carriers.gather(company.carrier) + ":simulated-operator-" + pl.Series(number).cast(pl.String)


def bots(company: Company, carriers: pl.Series) -> pl.Series:
    """Member keys of the bots of all groups."""
    return carriers.gather(company.carrier) + ":simulated-bot"


def group_events(company: Company, carriers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    """Groups as they are created, some renamed, some closed; and their staff joining."""
    on = carriers.gather(company.carrier)
    purpose = pl.Series(PURPOSES).gather(company.purpose)
    ended = pl.Series(company.planned_end)
    pair = pl.select(pl.concat_list(operators(company, carriers), operators(company, carriers, 1))).to_series()
    about = {
        "group_id": company.ids, "name": company.names, "purpose": purpose, "operators": pair,
        "planned_end": pl.select(pl.when(ended != NEVER).then(ended)).to_series(),
    }  # fmt: skip
    created = rows(kinds.GROUP_CREATED, on, company.created, **about)
    renamed_at = company.created + 20 * DAY + rng.integers(0, 10 * DAY, company.size)
    renamed = rows(kinds.GROUP_UPDATED, on, renamed_at, **{**about, "name": company.names + ", renamed"})
    closed = rows(kinds.GROUP_CLOSED, on, company.closed, group_id=company.ids)
    staff = [
        rows(kinds.MEMBER_JOINED, on, company.created + MINUTE, member_id=who, role=role, group_id=company.ids)
        for who, role in (
            (operators(company, carriers), "operator"),
            (operators(company, carriers, 1), "operator"),
            (bots(company, carriers), "bot"),
        )
    ]
    return pl.concat(
        [
            created,
            renamed.gather_every(3),
            closed.filter(pl.col("time") != NEVER),
            *staff,
        ],
        how="diagonal",
    )


def product_messages(
    company: Company, carriers: pl.Series, offers: ProductMessages, rng: np.random.Generator
) -> pl.DataFrame:
    """The offers, by the operators or by the bot of the group."""
    by_bot = pl.Series(rng.random(len(offers.group)) < 0.3)
    sender = pl.select(
        pl.when(by_bot)
        .then(bots(company, carriers).gather(offers.group))
        .otherwise(operators(company, carriers).gather(offers.group))
    ).to_series()
    return rows(
        kinds.MESSAGE_SENT, carriers.gather(company.carrier[offers.group]), offers.time, member_id=sender,
        role=pl.select(pl.when(by_bot).then(pl.lit("bot")).otherwise(pl.lit("operator"))).to_series(),
        group_id=company.ids.gather(offers.group), message_id=message_ids(np.arange(len(offers.group))),
        message_kind="product", links=1, product_id=product_ids(offers.product),
    )  # fmt: skip


def staff_messages(calendar: Calendar, company: Company, carriers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    """Operators who talk, broadcast and give red packets, and bots, as long as the group is staffed."""
    everyone = np.arange(company.size)
    talk = np.repeat(everyone, rng.poisson(np.maximum(company.staffed - company.created, 0) / DAY * _CHAT_A_DAY))
    low, high = company.created[talk] + HOUR, company.staffed[talk]
    talked = calendar.in_rhythm(rng, within(rng, low, high), low, high)

    def on(days: npt.NDArray[np.int64], hour: int) -> tuple[npt.NDArray[np.int64], Instants]:
        group, day = (grid.ravel() for grid in np.meshgrid(everyone, days))
        return group, calendar.midnights[day] + staff_minute(hour, group)

    parts = [
        ("text", "operator", talk, talked),
        ("broadcast", "operator", *on(_every(calendar, 7), 11)),
        ("system", "bot", *on(_every(calendar, 5), 8)),
        ("red_packet", "operator", *on(red_packet_days(calendar), RED_PACKET_HOUR)),
    ]
    frames = []
    for kind, role, group, time in parts:
        kept = (time > company.created[group] + MINUTE) & (time < company.staffed[group])
        group, time = group[kept], time[kept]
        sender = bots(company, carriers) if role == "bot" else operators(company, carriers, 1)
        ids = f"simulated-{role}-{kind}-" + pl.int_range(len(group), eager=True).cast(pl.String)
        frames.append(rows(
            kinds.MESSAGE_SENT, carriers.gather(company.carrier[group]), time, member_id=sender.gather(group),
            role=role, group_id=company.ids.gather(group), message_id=ids, message_kind=kind,
            text_length=pl.Series(rng.integers(4, 120, len(group))),
        ))  # fmt: skip
    return pl.concat(frames, how="diagonal")


def heartbeats(scenario: Scenario, calendar: Calendar) -> pl.DataFrame:
    """Heartbeats: one per hour from every carrier and from the shop, until its feed ends."""
    frames = []
    for feed in (*scenario.carriers, SHOP):
        silent = scenario.outage_days if feed == scenario.silent_carrier else 0
        hours = np.arange(calendar.begin, calendar.midnights[scenario.days - silent], HOUR, dtype=np.int64)
        frames.append(rows(kinds.FEED_HEARTBEAT, feed, hours))
    return pl.concat(frames)


def _every(calendar: Calendar, days: int) -> npt.NDArray[np.int64]:
    return np.arange(days - 1, calendar.days, days)
