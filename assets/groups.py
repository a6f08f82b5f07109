"""What happened in groups and how they live and die: `group`, `group_day`, `group_state`."""

from __future__ import annotations

from dataclasses import asdict

import dagster as dg
import polars as pl

from assets.completeness import complete_through
from assets.resources import Rules
from pipelines.events.identity import with_person
from pipelines.groups.birth import births
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day as compute_group_day
from pipelines.groups.state import group_state as compute_group_state
from pipelines.lake import Lake
from pipelines.refresh import inputs_of, refresh_days, refresh_whole
from schemas.lake import EVENTS, GROUP_DAY, GROUP_STATE, IDENTITY
from schemas.lake import GROUP as GROUP_TABLE

GROUP = "groups"
KINDS = {"polars", "deltalake"}


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS)
def group(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Every group that an event named, as its newest events describe it, and when it was born."""

    def compute() -> pl.LazyFrame:
        events = with_person(lake.open(EVENTS).scan(), lake.open(IDENTITY).scan())
        return group_table(events, births(events))

    refreshed = refresh_whole(lake, GROUP_TABLE, inputs_of(lake, EVENTS, IDENTITY), compute)
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS)
def group_day(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """What happened in a group on a day; only touched days are recomputed."""
    return dg.MaterializeResult(metadata=asdict(refresh_days(lake, GROUP_DAY, compute_group_day, rules.fingerprint)))


@dg.asset(group_name=GROUP, deps=[group, group_day, "events"], kinds=KINDS)
def group_state(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """The life of each group over complete days: unborn, alive, dead, ended, with reasons."""

    def compute() -> pl.LazyFrame:
        days, groups = lake.open(GROUP_DAY).scan(), lake.open(GROUP_TABLE).scan()
        return compute_group_state(days, groups, complete_through(lake, rules), rules.zone, rules.dead_after_days)

    inputs = inputs_of(lake, GROUP_TABLE, GROUP_DAY, EVENTS, settings=rules.fingerprint)
    refreshed = refresh_whole(lake, GROUP_STATE, inputs, compute)
    return dg.MaterializeResult(metadata=asdict(refreshed))
