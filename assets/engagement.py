"""Who was active when: `person_day`, `first_seen`, `retention`, `lifecycle`."""

from __future__ import annotations

from dataclasses import asdict

import dagster as dg
import polars as pl

from assets.completeness import complete_through
from assets.resources import Rules
from pipelines.engagement.first_seen import first_seen as compute_first_seen
from pipelines.engagement.lifecycle import assert_invariant
from pipelines.engagement.lifecycle import lifecycle as compute_lifecycle
from pipelines.engagement.person_day import person_day as compute_person_day
from pipelines.engagement.retention import retention as compute_retention
from pipelines.lake import Lake
from pipelines.refresh import inputs_of, refresh_days, refresh_whole
from schemas.lake import EVENTS, FIRST_SEEN, LIFECYCLE, PERSON_DAY, RETENTION

GROUP = "engagement"
KINDS = {"polars", "deltalake"}


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS)
def person_day(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Days on which a person was active in a group; only touched days are recomputed."""
    return dg.MaterializeResult(metadata=asdict(refresh_days(lake, PERSON_DAY, compute_person_day, rules.fingerprint)))


@dg.asset(group_name=GROUP, deps=[person_day], kinds=KINDS)
def first_seen(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """When a person was first active in a group, over all history."""
    days = lake.open(PERSON_DAY)
    refreshed = refresh_whole(lake, FIRST_SEEN, inputs_of(lake, PERSON_DAY), lambda: compute_first_seen(days.scan()))
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.asset(group_name=GROUP, deps=[first_seen, person_day, "events"], kinds=KINDS)
def retention(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Cohorts by first-ever activity, by week and by month."""
    through = complete_through(lake, rules)
    seen, days = lake.open(FIRST_SEEN), lake.open(PERSON_DAY)
    refreshed = refresh_whole(
        lake,
        RETENTION,
        inputs_of(lake, FIRST_SEEN, PERSON_DAY, EVENTS, settings=rules.fingerprint),
        lambda: pl.concat([compute_retention(seen.scan(), days.scan(), unit, through) for unit in ("week", "month")]),
    )
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.asset(group_name=GROUP, deps=[person_day, "events"], kinds=KINDS)
def lifecycle(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """New, returning, resurrecting and dormant persons by day, week and month; the invariant is asserted."""
    through = complete_through(lake, rules)
    days = lake.open(PERSON_DAY)

    def compute() -> pl.LazyFrame:
        units = pl.concat(
            [compute_lifecycle(days.scan(), unit, through) for unit in ("day", "week", "month")]
        ).collect()
        assert_invariant(units.lazy())
        return units.lazy()

    refreshed = refresh_whole(lake, LIFECYCLE, inputs_of(lake, PERSON_DAY, EVENTS, settings=rules.fingerprint), compute)
    return dg.MaterializeResult(metadata=asdict(refreshed))
