"""Who was active when: `person_day`, `first_seen`, `retention`, `lifecycle`."""

from __future__ import annotations

from dataclasses import asdict

import dagster as dg
import polars as pl

from assets.completeness import complete_through, ordinal
from assets.pools import WRITER
from assets.resources import Rules
from pipelines.engagement.lifecycle import assert_invariant
from pipelines.engagement.lifecycle import lifecycle as compute_lifecycle
from pipelines.engagement.person_day import person_day as compute_person_day
from pipelines.engagement.retention import retention as compute_retention
from pipelines.lake import Lake
from pipelines.refresh import inputs_of, refresh_days, refresh_first_seen, refresh_whole
from schemas.lake import FIRST_SEEN, LIFECYCLE, PERSON_DAY, RETENTION

GROUP = "engagement"
KINDS = {"polars", "deltalake"}


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS, pool=WRITER)
def person_day(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Days on which a person was active in a group; only touched days are recomputed."""
    return dg.MaterializeResult(metadata=asdict(refresh_days(lake, PERSON_DAY, compute_person_day, rules.fingerprint)))


@dg.asset(group_name=GROUP, deps=[person_day], kinds=KINDS, pool=WRITER)
def first_seen(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """When a person was first active in a group, over all history."""
    return dg.MaterializeResult(metadata=asdict(refresh_first_seen(lake)))


@dg.asset(group_name=GROUP, deps=[first_seen, person_day, "events"], kinds=KINDS, pool=WRITER)
def retention(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Cohorts by first-ever activity, by week and by month."""
    through = complete_through(lake, rules)

    def compute() -> pl.LazyFrame:
        seen, days = lake.open(FIRST_SEEN).scan(), lake.open(PERSON_DAY).scan()
        return pl.concat([compute_retention(seen, days, unit, through) for unit in ("week", "month")])

    inputs = inputs_of(lake, FIRST_SEEN, PERSON_DAY, settings=rules.fingerprint, through=ordinal(through))
    refreshed = refresh_whole(lake, RETENTION, inputs, compute)
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.asset(group_name=GROUP, deps=[person_day, "events"], kinds=KINDS, pool=WRITER)
def lifecycle(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """New, returning, resurrecting and dormant persons by day, week and month; the invariant is asserted."""
    through = complete_through(lake, rules)

    def compute() -> pl.LazyFrame:
        days = lake.open(PERSON_DAY).scan()
        units = pl.concat([compute_lifecycle(days, unit, through) for unit in ("day", "week", "month")]).collect()
        assert_invariant(units.lazy())
        return units.lazy()

    inputs = inputs_of(lake, PERSON_DAY, settings=rules.fingerprint, through=ordinal(through))
    refreshed = refresh_whole(lake, LIFECYCLE, inputs, compute)
    return dg.MaterializeResult(metadata=asdict(refreshed))
