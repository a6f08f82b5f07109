"""Who was active when and how engaged: `person_day`, `first_seen`, `retention`, `lifecycle`, and states of members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through
from assets.resources import Rules
from assets.steps import lake_asset, lake_assets
from assets.tables import materialized, refreshed, specs
from pipelines.engagement.person_day import person_day as compute_person_day
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_days,
    refresh_first_seen,
    refresh_group_engagement,
    refresh_lifecycle,
    refresh_member_state,
    refresh_retention,
    refresh_segments,
)
from schemas.lake import (
    FIRST_SEEN,
    GROUP_ENGAGEMENT,
    LIFECYCLE,
    MEMBER_STATE,
    PERSON_DAY,
    RETENTION,
    SEGMENT_ACTIVITY,
    SEGMENT_RETENTION,
)


@lake_asset(PERSON_DAY)
def person_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the days that new events and merged persons touched."""
    return materialized(lake, PERSON_DAY, asdict(refresh_days(lake, PERSON_DAY, compute_person_day)))


@lake_asset(FIRST_SEEN)
def first_seen(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the persons whose days changed."""
    return materialized(lake, FIRST_SEEN, asdict(refresh_first_seen(lake)))


@lake_asset(RETENTION)
def retention(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the weeks and months that changed days reach."""
    through, settings = complete_through(lake, rules), rules.settings[RETENTION.name]
    return materialized(lake, RETENTION, asdict(refresh_retention(lake, ("week", "month"), through, settings)))


@lake_asset(LIFECYCLE)
def lifecycle(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the days, weeks and months that changed days reach; the invariant is asserted."""
    through, settings = complete_through(lake, rules), rules.settings[LIFECYCLE.name]
    return materialized(lake, LIFECYCLE, asdict(refresh_lifecycle(lake, ("day", "week", "month"), through, settings)))


@lake_asset(MEMBER_STATE)
def member_state(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the states of all members when another day is complete, else of those with late events."""
    through, settings = complete_through(lake, rules), rules.settings[MEMBER_STATE.name]
    return materialized(lake, MEMBER_STATE, asdict(refresh_member_state(lake, through, settings)))


@lake_asset(GROUP_ENGAGEMENT)
def group_engagement(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Count the members of each group again, if their states changed."""
    return materialized(lake, GROUP_ENGAGEMENT, asdict(refresh_group_engagement(lake)))


@lake_assets(specs(SEGMENT_ACTIVITY, SEGMENT_RETENTION))
def segments(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Recount persons with changed days in their segments; all persons when another day is complete."""
    through, settings = complete_through(lake, rules), rules.settings[SEGMENT_ACTIVITY.name]
    yield from refreshed(lake, refresh_segments(lake, through, settings))
