"""From joining to buying again: `funnel_entry`, `order_credit` and `person_value`."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through, lake_watermark
from assets.pools import WRITER
from assets.resources import Rules
from pipelines.lake import Lake
from pipelines.refresh import refresh_credit, refresh_funnels, refresh_person_value

GROUP = "funnel"
KINDS = {"polars", "deltalake"}
_NO_EVENTS = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)


@dg.asset(group_name=GROUP, deps=["events", "identity", "first_seen"], kinds=KINDS, pool=WRITER)
def funnel_entry(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Entries of all funnels, each with the events that matched its steps."""
    reached = lake_watermark(lake, rules) or _NO_EVENTS
    return dg.MaterializeResult(metadata=asdict(refresh_funnels(lake, rules.funnels, reached, rules.fingerprint)))


@dg.asset(group_name=GROUP, deps=["events", "identity", "first_seen"], kinds=KINDS, pool=WRITER)
def order_credit(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Paid orders credited to messages of groups, by every model of the settings."""
    return dg.MaterializeResult(metadata=asdict(refresh_credit(lake, rules.attribution, rules.fingerprint)))


@dg.asset(group_name=GROUP, deps=[order_credit, "events"], kinds=KINDS, pool=WRITER)
def person_value(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """What buyers are worth on the newest complete day: RFM, and BG/NBD where enough bought again."""
    refreshed = refresh_person_value(lake, complete_through(lake, rules), rules.zone, rules.fingerprint)
    return dg.MaterializeResult(metadata=asdict(refreshed))
