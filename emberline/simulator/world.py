"""The result of a simulation: the records to send, and the truth that was planted in them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated world, known from its plan.

    Attributes:
        funnel: Persons that reach each step of the standard funnel.
        funnel_mature: The same of those whose window was over at the watermark.
        levels: person, members (member keys in clear), customer_id (null: none is linked or used), level (0: never
            joined, to 8), entered_at (null at level 0), is_mature.
        groups: group_id, carrier, purpose, fate, born_at (UTC), born_day, last_active_day (of days up to
            `complete_through`), dead_since (first day `D` with `D - last_active_day >= 28`; null if that is later than
            `complete_through`, and for groups never born or with a planned end). Days of the business zone.
        sales: group_id (null: unattributed), currency, orders, paid_minor, refunded_minor, net_minor (at least 0 an
            order), by last click within 7 days; the group named by an order comes before the clicks.
        spend: group_id (null: of a campaign), campaign (null: of a group), currency, spend_minor.
        interventions: group_id, action, day of what operators did in pauses of groups; talks: whether members spoke in
            the 7 days that end with the 28th after, null if that is later than the end; talks_without: whether they
            would have, by the same chance, had the company not done this in these days.
        counts: records, events (distinct and valid), late, duplicates, conflicts, broken, and `broken.<sort>`.
        watermark: Oldest of the newest event times of the sources that live, minus one hour. A source more than a day
            behind the newest does not live.
        complete_through: Last day of the business zone that is over at the watermark.
    """

    funnel: dict[str, int]
    funnel_mature: dict[str, int]
    levels: pl.DataFrame
    groups: pl.DataFrame
    sales: pl.DataFrame
    spend: pl.DataFrame
    interventions: pl.DataFrame
    counts: dict[str, int]
    watermark: dt.datetime
    complete_through: dt.date


@dataclass(frozen=True)
class World:
    """A simulated company.

    Attributes:
        records: One row a Kafka record in the order of sending: topic, key (Binary, the event's id), value (Binary,
            JSON), kind. A `late` event is its first delivery long after it happened, a `duplicate` an exact later copy,
            a `conflict` a later copy with another body (the first one counts), `broken` no valid event.
        truth: What a correct pipeline must find in them.
    """

    records: pl.DataFrame
    truth: Truth
