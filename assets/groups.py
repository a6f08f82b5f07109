"""What happened in groups, by day and hour, and how they live and die."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg
import polars as pl

from assets.completeness import complete_through
from assets.resources import Rules
from assets.steps import lake_asset, lake_assets
from assets.tables import materialized, refreshed, specs
from pipelines.groups.group_day import group_day as compute_group_day
from pipelines.groups.group_hour import group_hour as compute_group_hour
from pipelines.groups.staff_act import staff_act as compute_staff_act
from pipelines.groups.staff_day import staff_day as compute_staff_day
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_contacts,
    refresh_days,
    refresh_feed_days,
    refresh_group_network,
    refresh_groups,
    refresh_interventions,
    refresh_life,
    refresh_member_changes,
)
from schemas.lake import (
    CONTACT,
    FEED_DAY,
    GROUP,
    GROUP_DAY,
    GROUP_HEALTH,
    GROUP_HOUR,
    GROUP_NETWORK,
    GROUP_STATE,
    INTERVENTION,
    MEMBER_CHANGE,
    STAFF_ACT,
    STAFF_DAY,
)


@lake_asset(GROUP)
def group(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute groups that new events describe, or whose birth they may change."""
    return materialized(lake, GROUP, asdict(refresh_groups(lake)))


@lake_asset(GROUP_DAY)
def group_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the days that new events and merged persons touched."""
    return materialized(lake, GROUP_DAY, asdict(refresh_days(lake, GROUP_DAY, compute_group_day)))


@lake_asset(GROUP_HOUR)
def group_hour(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the hours of the days that new events touched."""

    def by_hour(events: pl.LazyFrame) -> pl.LazyFrame:
        return compute_group_hour(events, rules.zone)

    settings = rules.settings[GROUP_HOUR.name]
    return materialized(lake, GROUP_HOUR, asdict(refresh_days(lake, GROUP_HOUR, by_hour, settings)))


@lake_asset(STAFF_DAY)
def staff_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute which accounts work for the company, in the groups and on the days that new events touched."""
    return materialized(lake, STAFF_DAY, asdict(refresh_days(lake, STAFF_DAY, compute_staff_day)))


@lake_asset(GROUP_NETWORK)
def group_network(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the networks of replies that new events or merged persons may have changed."""
    through, settings = complete_through(lake, rules), rules.settings[GROUP_NETWORK.name]
    return materialized(lake, GROUP_NETWORK, asdict(refresh_group_network(lake, through, settings)))


@lake_asset(MEMBER_CHANGE)
def member_change(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the joins and leaves of the groups that new events touched."""
    return materialized(lake, MEMBER_CHANGE, asdict(refresh_member_changes(lake)))


@lake_asset(FEED_DAY)
def feed_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the days that new events touched."""
    return materialized(lake, FEED_DAY, asdict(refresh_feed_days(lake)))


@lake_asset(STAFF_ACT)
def staff_act(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the days that new events touched."""
    return materialized(lake, STAFF_ACT, asdict(refresh_days(lake, STAFF_ACT, compute_staff_act)))


@lake_asset(INTERVENTION)
def intervention(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute groups with new events, and groups of a source whose measured days changed."""
    settings = rules.settings[INTERVENTION.name]
    return materialized(lake, INTERVENTION, asdict(refresh_interventions(lake, rules.zone, rules.life, settings)))


@lake_assets(specs(GROUP_HEALTH, GROUP_STATE))
def group_life(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Recompute the states of groups whose complete days changed; of all groups when a day becomes complete."""
    through, settings = complete_through(lake, rules), rules.settings[GROUP_STATE.name]
    yield from refreshed(lake, refresh_life(lake, through, rules.zone, rules.life, settings))


@lake_asset(CONTACT)
def contact(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute whom to talk to, in groups that begin to need help and in groups in need where something changed."""
    return materialized(lake, CONTACT, asdict(refresh_contacts(lake)))
