"""What happened in groups and how they live and die: `group`, `group_day`, `group_health`, `group_state`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through
from assets.pools import WRITER
from assets.resources import Rules
from pipelines.groups.group_day import group_day as compute_group_day
from pipelines.lake import Lake
from pipelines.refresh import refresh_days, refresh_feed_days, refresh_groups, refresh_life
from schemas.lake import GROUP_DAY, GROUP_HEALTH, GROUP_STATE

GROUP = "groups"
KINDS = {"polars", "deltalake"}


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS, pool=WRITER)
def group(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Every group that an event named, as its newest events describe it, and when it was born."""
    return dg.MaterializeResult(metadata=asdict(refresh_groups(lake)))


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS, pool=WRITER)
def group_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """What happened in a group on a day; only touched days are recomputed."""
    return dg.MaterializeResult(metadata=asdict(refresh_days(lake, GROUP_DAY, compute_group_day)))


@dg.asset(group_name=GROUP, deps=["events"], kinds=KINDS, pool=WRITER)
def feed_day(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Days on which a source told anything: a silent feed is not a silent group."""
    return dg.MaterializeResult(metadata=asdict(refresh_feed_days(lake)))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            table.name,
            deps=[group, group_day, feed_day, "person_day", "first_seen", "events"],
            group_name=GROUP,
            kinds=KINDS,
            description=description,
        )
        for table, description in (
            (GROUP_HEALTH, "The health of each living group on each complete day, against its own past."),
            (GROUP_STATE, "The life of each group over complete days, from unborn to dead or ended, with reasons."),
        )
    ],
    pool=WRITER,
)
def group_life(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Judge the groups whose complete days changed; all of them when a day gets complete."""
    through, settings = complete_through(lake, rules), rules.settings[GROUP_STATE.name]
    refreshed = refresh_life(lake, through, rules.zone, rules.life, settings)
    for name, outcome in refreshed.items():
        yield dg.MaterializeResult(name, metadata=asdict(outcome))
