"""From joining to buying again: `funnel_entry` and its summaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import fact_rules
from assets.resources import Rules
from assets.steps import lake_asset, lake_assets
from assets.tables import materialized, refreshed, specs
from pipelines.lake import Lake
from pipelines.refresh import refresh_funnel_summaries, refresh_funnels, refresh_matched
from schemas.lake import (
    FUNNEL_BREAKDOWN,
    FUNNEL_CURVE,
    FUNNEL_ENTRY,
    FUNNEL_STEP,
    FUNNEL_TIME_TO_CONVERT,
    FUNNEL_TREND,
    MATCHED_EVENT,
)


@lake_asset(FUNNEL_ENTRY)
def funnel_entry(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the entries of persons whose entries can differ."""
    reached, settings = fact_rules(lake, rules).watermark, rules.settings[FUNNEL_ENTRY.name]
    return materialized(lake, FUNNEL_ENTRY, asdict(refresh_funnels(lake, rules.funnels, reached, settings)))


@lake_asset(MATCHED_EVENT)
def matched_event(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Add newly matched events, and look up those of months whose events changed again."""
    return materialized(lake, MATCHED_EVENT, asdict(refresh_matched(lake)))


@lake_assets(specs(FUNNEL_STEP, FUNNEL_BREAKDOWN, FUNNEL_TIME_TO_CONVERT, FUNNEL_CURVE, FUNNEL_TREND))
def funnel_summaries(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Recompute the summaries of all funnels, each if its inputs changed."""
    yield from refreshed(lake, refresh_funnel_summaries(lake, rules.funnels, rules.zone, rules.settings))
