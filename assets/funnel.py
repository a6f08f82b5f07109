"""From joining to buying again: `funnel_entry` and `order_credit`."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

import dagster as dg
import polars as pl

from assets.completeness import lake_watermark
from assets.resources import Rules
from pipelines.events.identity import with_person
from pipelines.funnel.attribution import last_click
from pipelines.funnel.funnel import funnel as compute_funnel
from pipelines.funnel.steps import timeline
from pipelines.lake import Lake
from pipelines.refresh import inputs_of, refresh_whole
from schemas.funnel import fingerprint
from schemas.lake import EVENTS, FUNNEL_ENTRY, IDENTITY, ORDER_CREDIT

GROUP = "funnel"
KINDS = {"polars", "deltalake"}
_NO_EVENTS = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS)
def funnel_entry(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Entries of the standard funnel, each with the events that matched its steps."""

    def compute() -> pl.LazyFrame:
        reached = lake_watermark(lake, rules) or _NO_EVENTS
        return compute_funnel(timeline(_events_of_persons(lake)), rules.funnel, reached)

    definition = fingerprint(rules.funnel)
    inputs = inputs_of(lake, EVENTS, IDENTITY, settings=rules.fingerprint, definition=definition)
    refreshed = refresh_whole(lake, FUNNEL_ENTRY, inputs, compute)
    return dg.MaterializeResult(metadata=asdict(refreshed))


@dg.asset(group_name=GROUP, deps=["events", "identity"], kinds=KINDS)
def order_credit(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Paid orders credited to groups by last click."""
    refreshed = refresh_whole(
        lake,
        ORDER_CREDIT,
        inputs_of(lake, EVENTS, IDENTITY, settings=rules.fingerprint),
        lambda: last_click(_events_of_persons(lake), rules.click_look_back),
    )
    return dg.MaterializeResult(metadata=asdict(refreshed))


def _events_of_persons(lake: Lake) -> pl.LazyFrame:
    return with_person(lake.open(EVENTS).scan(), lake.open(IDENTITY).scan())
