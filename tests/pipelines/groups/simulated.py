"""A simulated company's facts of groups, computed in memory, with feeds that can be cut for some days."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from emberline.simulator import Scenario, Truth, simulate
from pipelines.engagement.person_day import person_day
from pipelines.events.decode import decode
from pipelines.events.deduplicate import deduplicate
from pipelines.events.identity import apart, identity, links, with_person
from pipelines.groups.birth import births
from pipelines.groups.feed_day import feed_day
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day
from pipelines.groups.health import life_days
from pipelines.groups.thresholds import LifeRules
from schemas.lake import EVENTS, IDENTITY
from tests.pipelines.canonical import BY_TOPIC, RULES, records


@dataclass(frozen=True)
class Company:
    """The distinct events of a simulated company with their persons, and what was planted in them."""

    events: pl.DataFrame
    truth: Truth

    def without(self, source: str, days: Iterable[dt.date]) -> Company:
        """The same company, had a source told nothing of these days, ever."""
        is_lost = (pl.col("source") == source) & pl.col("day").is_in(list(days))
        return dataclasses.replace(self, events=self.events.filter(~is_lost))

    def life(self, rules: LifeRules = LifeRules(), through: dt.date | None = None) -> pl.DataFrame:  # noqa: B008
        """Every group's state and components a day."""
        events = self.events.lazy()
        return life_days(
            group_day(events), person_day(events), feed_day(events), group_table(events, births(events)),
            through or self.truth.complete_through, RULES.zone, rules,
        )  # fmt: skip


def company(scenario: Scenario) -> Company:
    """Simulate a company and decode what it sends."""
    world = simulate(scenario)
    sent = [value for value in world.records["value"].to_list() if value is not None]
    found = decode(records(sent, kafka_time=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)), BY_TOPIC, RULES).events
    events = deduplicate(found, pl.DataFrame(schema=EVENTS.schema)).added
    nobody = pl.DataFrame(schema=IDENTITY.schema)
    people = identity(apart(nobody), links(events.lazy()), nobody, batch=1)
    return Company(with_person(events.lazy(), people.lazy()).collect(), world.truth)
