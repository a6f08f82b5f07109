"""Groups that the simulator lets die are dying before they are dead; what only looks like it is not taken for it.

A world is judged as a whole, with its red packets, broadcasts, weekdays and silent feed.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from emberline.simulator import Scenario
from pipelines.groups.life import LIVING
from pipelines.groups.thresholds import LifeRules, Thresholds
from tests.pipelines.groups.simulated import Company, company

SCENARIOS = (Scenario(seed=7, members=2000, groups=28), Scenario(seed=21, members=1000, groups=20, dying=0.5))
VERDICTS = ("declining", "dying")


@pytest.fixture(scope="module")
def companies() -> list[Company]:
    return [company(scenario) for scenario in SCENARIOS]


def entered(life: pl.DataFrame, *states: str) -> pl.DataFrame:
    """The days on which groups came into one of these states."""
    before = pl.col("state").shift(1).over("group_id")
    is_new = pl.col("state").is_in(states) & (pl.col("state") != before)
    return life.filter(is_new).select("group_id", "day", "state")


def of_fate(judged: Company, fate: str) -> pl.DataFrame:
    return judged.truth.groups.filter(pl.col("fate") == fate)


def test_the_planted_dying_groups_are_dying_before_they_are_dead(companies: list[Company]):
    deaths = pl.concat([
        of_fate(each, "dies")
        .filter(pl.col("dead_since").is_not_null())
        .join(entered(each.life(), "dying").group_by("group_id").agg(pl.col("day").max()), on="group_id", how="left")
        for each in companies
    ])  # fmt: skip
    lead = (deaths["dead_since"] - deaths["day"]).dt.total_days().drop_nulls()
    print(f"{deaths.height} deaths, {len(lead)} foreseen, by {lead.median()} days (median; least {lead.min()})")
    assert lead.median() >= 10  # type: ignore[operator]
    assert len(lead) >= 0.75 * deaths.height


def test_a_living_group_gets_no_more_than_one_false_verdict_a_year(companies: list[Company]):
    verdicts, years = dict.fromkeys(VERDICTS, 0), 0.0
    for each in companies:
        life = each.life().join(of_fate(each, "lives"), on="group_id", how="semi")
        years += life.filter(pl.col("state").is_in(LIVING)).height / 365
        for state in VERDICTS:
            verdicts[state] += entered(life, state).height
    print(f"{verdicts} in {years:.0f} years of living groups")
    assert sum(verdicts.values()) <= years


def test_a_feed_that_is_cut_raises_no_verdict(companies: list[Company]):
    for each in companies:
        through = each.truth.complete_through
        for first in (through - dt.timedelta(days=60), through - dt.timedelta(days=13)):
            days = [first + dt.timedelta(days=number) for number in range(14)]
            cut = each.without("simulator/wecom", days).life()
            of_feed = pl.col("group_id").str.starts_with("wecom:")
            lost = cut.filter(of_feed & pl.col("day").is_in(days))
            assert not lost["is_measured"].any()
            assert entered(cut.filter(of_feed), *VERDICTS, "dead").filter(pl.col("day").is_in(days)).is_empty()
            living = cut.join(of_fate(each, "lives"), on="group_id", how="semi").filter(of_feed)
            known = entered(each.life(), *VERDICTS)["group_id"]
            assert set(entered(living, "dying", "dead")["group_id"]) <= set(known)


def test_the_feed_that_is_silent_at_the_end_raises_no_verdict():
    world = company(Scenario(seed=11, days=120, groups=16, members=600, outage_days=14))
    feed = world.life().filter(pl.col("group_id").str.starts_with("discourse:"))
    silent = feed.filter(~pl.col("is_measured"))
    # The last day of the outage is not complete.
    assert silent["day"].n_unique() == 13
    assert entered(feed, *VERDICTS, "dead").join(silent, on="day", how="semi").is_empty()


def test_what_comes_later_changes_no_earlier_day(companies: list[Company]):
    each = companies[0]
    life = each.life()
    for days in (30, 77):
        through = each.truth.complete_through - dt.timedelta(days=days)
        earlier = each.life(through=through).drop("born_day", "end_day", "end_reason")
        assert earlier.equals(life.filter(pl.col("day") <= through).select(earlier.columns), null_equal=True)


def test_purposes_may_have_thresholds_of_their_own(companies: list[Company]):
    each = companies[0]
    deaf = Thresholds(deviations=99.0, declining_chance=1.0, dying_chance=1.0)
    purposes = each.truth.groups["purpose"].unique().to_list()
    heard = entered(each.life(LifeRules(by_purpose={"sales": deaf})), *VERDICTS)["group_id"].unique()
    known = entered(each.life(), *VERDICTS)["group_id"].unique()
    deaf_groups = each.truth.groups.filter(pl.col("purpose") == "sales")["group_id"]
    assert "sales" in purposes
    assert set(known) & set(deaf_groups)
    assert set(heard) == set(known) - set(deaf_groups)
