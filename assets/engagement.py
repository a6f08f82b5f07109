"""Who was active when and how engaged: `person_day`, `first_seen`, `retention`, `lifecycle`, and states of members."""

from __future__ import annotations

from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through
from assets.pools import WRITER
from assets.resources import Rules
from pipelines.engagement.person_day import person_day as compute_person_day
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_days,
    refresh_first_seen,
    refresh_group_engagement,
    refresh_lifecycle,
    refresh_member_state,
    refresh_retention,
)
from schemas.lake import LIFECYCLE, MEMBER_STATE, PERSON_DAY, RETENTION

GROUP = "engagement"
KINDS = {"polars", "deltalake"}


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS, pool=WRITER)
def person_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Days on which a person was active in a group; only touched days are recomputed."""
    return dg.MaterializeResult(metadata=asdict(refresh_days(lake, PERSON_DAY, compute_person_day)))


@dg.asset(group_name=GROUP, deps=[person_day], kinds=KINDS, pool=WRITER)
def first_seen(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """When a person was first active in a group, over all history."""
    return dg.MaterializeResult(metadata=asdict(refresh_first_seen(lake)))


@dg.asset(group_name=GROUP, deps=[first_seen, person_day, "events"], kinds=KINDS, pool=WRITER)
def retention(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Cohorts by first-ever activity, by week and by month."""
    through, settings = complete_through(lake, rules), rules.settings[RETENTION.name]
    refreshed = refresh_retention(lake, ("week", "month"), through, settings)
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.asset(group_name=GROUP, deps=[first_seen, person_day, "events"], kinds=KINDS, pool=WRITER)
def lifecycle(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """New, returning, resurrecting and dormant persons by day, week and month; the invariant is asserted."""
    through, settings = complete_through(lake, rules), rules.settings[LIFECYCLE.name]
    refreshed = refresh_lifecycle(lake, ("day", "week", "month"), through, settings)
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.asset(group_name=GROUP, deps=[first_seen, person_day, "events"], kinds=KINDS, pool=WRITER)
def member_state(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """How engaged each member is in each group on the newest complete day."""
    through, settings = complete_through(lake, rules), rules.settings[MEMBER_STATE.name]
    return dg.MaterializeResult(metadata=asdict(refresh_member_state(lake, through, settings)))


@dg.asset(group_name=GROUP, deps=[member_state], kinds=KINDS, pool=WRITER)
def group_engagement(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """The members of each group by how engaged they are."""
    return dg.MaterializeResult(metadata=asdict(refresh_group_engagement(lake)))
