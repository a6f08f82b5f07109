"""What happened in groups and how they live and die: `group`, `group_day`, `group_state`."""

from __future__ import annotations

from dataclasses import asdict

import dagster as dg
import polars as pl

from assets.completeness import complete_through, ordinal
from assets.pools import WRITER
from assets.resources import Rules
from pipelines.groups.group_day import group_day as compute_group_day
from pipelines.groups.state import group_state as compute_group_state
from pipelines.lake import Lake
from pipelines.refresh import inputs_of, refresh_days, refresh_groups, refresh_whole
from schemas.lake import GROUP as GROUP_TABLE
from schemas.lake import GROUP_DAY, GROUP_STATE

GROUP = "groups"
KINDS = {"polars", "deltalake"}


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS, pool=WRITER)
def group(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Every group that an event named, as its newest events describe it, and when it was born."""
    return dg.MaterializeResult(metadata=asdict(refresh_groups(lake)))


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS, pool=WRITER)
def group_day(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """What happened in a group on a day; only touched days are recomputed."""
    return dg.MaterializeResult(metadata=asdict(refresh_days(lake, GROUP_DAY, compute_group_day, rules.fingerprint)))


@dg.asset(group_name=GROUP, deps=[group, group_day, "events"], kinds=KINDS, pool=WRITER)
def group_state(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """The life of each group over complete days: unborn, alive, dead, ended, with reasons."""
    through = complete_through(lake, rules)

    def compute() -> pl.LazyFrame:
        days, groups = lake.open(GROUP_DAY).scan(), lake.open(GROUP_TABLE).scan()
        return compute_group_state(days, groups, through, rules.zone, rules.dead_after_days)

    inputs = inputs_of(lake, GROUP_TABLE, GROUP_DAY, settings=rules.fingerprint, through=ordinal(through))
    refreshed = refresh_whole(lake, GROUP_STATE, inputs, compute)
    return dg.MaterializeResult(metadata=asdict(refreshed))
