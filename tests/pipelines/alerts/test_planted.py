"""The simulator's dying groups are told of before they are dead, day by day by a simulated clock; feeds are not groups.

Every evening the facts of what is complete by then are judged, and the alerts that are open go into the next evening.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from emberline.simulator import Scenario
from pipelines.alerts.decide import Alert, Notice, Policy, decide
from pipelines.alerts.rules import (
    GROUP_DEAD,
    GROUP_DECLINING,
    GROUP_DYING,
    GROUP_SILENT,
    HEARD,
    Limits,
    Signals,
    evaluate,
)
from pipelines.alerts.rules import RULES as RULE_NAMES
from pipelines.groups.life import LIVING
from pipelines.time import day_end
from tests.pipelines.canonical import RULES
from tests.pipelines.groups.simulated import Company, company

SCENARIOS = (Scenario(seed=7, members=2000, groups=28), Scenario(seed=21, members=1000, groups=20, dying=0.5))
ALL = Policy(dict.fromkeys(RULE_NAMES, "critical"))
WARNINGS = (GROUP_DECLINING, GROUP_DYING, GROUP_SILENT)


@dataclass
class History:
    """The notices of a company's whole history, each with the day that was judged."""

    notices: list[tuple[dt.date, Notice]] = field(default_factory=list)

    def fired(self, *rules: str) -> pl.DataFrame:
        """Alerts that fired: `group_id` (or the feed), `rule` and `day`."""
        rows = [
            (notice.alert.subject, notice.alert.rule, day)
            for day, notice in self.notices
            if notice.event == "firing" and notice.alert.rule in rules
        ]
        return pl.DataFrame(rows, {"group_id": pl.String, "rule": pl.String, "day": pl.Date}, orient="row")


def told(of: Company) -> History:
    """Live through a company's history."""
    life = of.life().join(of.truth.groups.select("group_id", "purpose"), on="group_id", how="left")
    is_new = (pl.col("state") != pl.col("state").shift(1).over("group_id")).fill_null(value=True)
    life = life.sort("group_id", "day").with_columns(
        since=pl.when(is_new).then("day").forward_fill().over("group_id"),
        reason=pl.lit("why"),
        name=pl.lit(None),
        last_active_day=pl.when(pl.col("silent_days") == 0).then("day").forward_fill().over("group_id"),
    )
    groups = life.select(
        "group_id",
        "day",
        "state",
        "since",
        "reason",
        "name",
        "purpose",
        "last_active_day",
        "silent_days",
        "messages_usual",
        "coverage",
    ).partition_by("day", as_dict=True, include_key=False)
    heard = of.events.sort("time").select("group_id", "source", pl.col("time").alias("heard_at"), on="day")
    found, open_alerts = History(), dict[tuple[str, str], Alert]()
    nothing = next(iter(groups.values())).clear()
    latest = pl.DataFrame(schema=HEARD)
    by_day = heard.partition_by("on", as_dict=True, include_key=False)
    for day in life["day"].unique().sort().to_list():
        now = day_end(day, RULES.zone)
        newest = by_day.get((day,))
        if newest is not None:
            latest = pl.concat([latest, newest]).group_by("group_id", "source").agg(pl.col("heard_at").max())
        subjects: dict[str, set[str]] = {}
        for rule, subject in open_alerts:
            subjects.setdefault(rule, set()).add(subject)
        judged = Signals(groups.get((day,), nothing), latest.select(HEARD.names()))
        decision = decide(
            open_alerts.values(), evaluate(judged, list(ALL.severities), subjects, Limits(), RULES.zone, now), ALL, now
        )
        for alert in decision.alerts:
            open_alerts[alert.rule, alert.subject] = alert
        open_alerts = {key: alert for key, alert in open_alerts.items() if alert.resolved_at is None}
        found.notices += [(day, notice) for notice in decision.notices]
    return found


@cache
def companies() -> list[tuple[Company, History]]:
    worlds = [company(scenario) for scenario in SCENARIOS]
    return [(world, told(world)) for world in worlds]


def test_the_planted_dying_groups_are_told_of_before_they_are_dead():
    found = []
    for world, of in companies():
        died = world.truth.groups.filter(pl.col("fate") == "dies").drop_nulls("dead_since")
        before = (
            of.fired(*WARNINGS)
            .join(died.select("group_id", "dead_since"), on="group_id")
            .filter(pl.col("day") < pl.col("dead_since"))
            .group_by("group_id")
            .agg(pl.col("day").max())
        )
        found.append(died.select("group_id", "dead_since").join(before, on="group_id", how="left"))
    deaths = pl.concat(found).with_columns(lead=(pl.col("dead_since") - pl.col("day")).dt.total_days())
    lead = deaths["lead"].drop_nulls()
    print(f"{deaths.height} deaths, {len(lead)} told of before, {lead.median()} days (median; least {lead.min()})")
    assert len(lead) == deaths.height
    assert lead.median() >= 10  # type: ignore[operator]


def test_a_living_group_brings_no_more_than_one_false_alert_a_year():
    false, years = 0, 0.0
    for world, of in companies():
        lives = world.truth.groups.filter(pl.col("fate") == "lives")
        years += world.life().join(lives, on="group_id", how="semi").filter(pl.col("state").is_in(LIVING)).height / 365
        false += of.fired(*WARNINGS, GROUP_DEAD).join(lives, on="group_id", how="semi").height
    print(f"{false} false alerts in {years:.0f} years of living groups")
    assert false <= years


def test_a_feed_that_is_cut_is_told_of_and_not_one_of_its_groups():
    world, _ = companies()[0]
    first = world.truth.complete_through - dt.timedelta(days=60)
    days = [first + dt.timedelta(days=number) for number in range(14)]
    of = told(world.without("simulator/wecom", days))
    feed = [(day, notice.event) for day, notice in of.notices if notice.alert.subject == "simulator/wecom"]
    assert feed[0] == (days[0], "firing")
    assert feed[-1] == (days[-1] + dt.timedelta(days=1), "recovered")
    silent = of.fired(*WARNINGS, GROUP_DEAD).filter(
        pl.col("group_id").str.starts_with("wecom:"), pl.col("day").is_in(days)
    )
    assert silent.is_empty()


def test_nobody_is_told_of_a_group_twice_within_the_interval():
    assert ALL.renotify is not None
    for _, of in companies():
        told_on: dict[tuple[str, str], dt.date] = {}
        for day, notice in of.notices:
            key = notice.alert.rule, notice.alert.subject
            if notice.event == "reminder":
                assert day - told_on[key] >= ALL.renotify
            told_on[key] = day
