"""Of a simulated company, from its events on: the planted effect is found, and none where none is."""

from __future__ import annotations

import polars as pl

from emberline.simulator import Scenario, Truth
from pipelines.groups.birth import births
from pipelines.groups.feed_day import feed_day
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day
from pipelines.groups.group_hour import group_hour
from pipelines.groups.health import judged_days
from pipelines.groups.intervention import intervention
from pipelines.groups.interventions.alike import Past
from pipelines.groups.interventions.cases import matched_cases
from pipelines.groups.interventions.effects import effects
from pipelines.groups.staff_act import staff_act
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules
from schemas.lake import FIRST_SEEN, GROUP_RISK
from tests.pipelines.canonical import RULES
from tests.pipelines.groups.simulated import Company, company

PAUSING = Scenario(
    seed=5, days=240, groups=90, members=920, pausing=0.9, dying=0.0, ending=0.0, never_born=0.0, broadcast_only=0.0,
    chatter=0.1, silent_carrier=None, revival=0.8,
)  # fmt: skip


def past(simulated: Company) -> Past:
    """The tables that cases are found in, as they follow from the events."""
    events, through, zone = simulated.events.lazy(), simulated.truth.complete_through, RULES.zone
    days, feeds = stored(group_day(events)), stored(feed_day(events))
    groups, acts = stored(group_table(events, births(events))), stored(staff_act(events))
    unseen = pl.LazyFrame(schema=FIRST_SEEN.schema)
    judged = judged_days(days, unseen, feeds, groups, through, zone, LifeRules())
    unknown = pl.lit(None, pl.Int32())
    states = group_state(judged.lazy().with_columns(half_writers_28d=unknown, half_writers_before=unknown))
    return Past(
        interventions=stored(intervention(acts, days, feeds, groups, zone, LifeRules())), states=stored(states),
        group_day=days, group_hour=stored(group_hour(events, zone)), groups=groups, feed_day=feeds,
        risks=pl.LazyFrame(schema=GROUP_RISK.schema), through=through, zone=zone,
    )  # fmt: skip


def stored(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.collect().rechunk().lazy()


def assert_as_planted(effects: pl.DataFrame, cases: pl.DataFrame, truth: Truth) -> None:
    """The interval of each effect holds what the company's words and offers brought about in these very cases."""
    found = {row["action"]: row for row in effects.filter(purpose="").iter_rows(named=True)}
    known = truth.interventions.join(cases, on=["group_id", "action", "day"], how="semi")
    more = pl.col("talks").cast(pl.Int8) - pl.col("talks_without").cast(pl.Int8)
    true = dict(known.group_by("action").agg(more.mean()).iter_rows())
    for action, is_planted in (("operator_wrote", True), ("offer", False)):
        row = found[action]
        assert row["cases"] >= 30
        assert row["difference_low"] <= true[action] <= row["difference_high"]
        assert (true[action] > 0) == row["is_effect"] == is_planted


def test_effects_come_out_as_planted():
    simulated = company(PAUSING)
    matched = matched_cases(past(simulated))
    assert_as_planted(effects(matched), matched, simulated.truth)
