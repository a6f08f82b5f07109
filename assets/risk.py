"""The risk that living groups die, and the outcomes of interventions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through
from assets.resources import Rules
from assets.steps import lake_asset, lake_assets
from assets.tables import materialized, refreshed, specs
from pipelines.groups.risk.lines import markdown, of_score
from pipelines.lake import Lake
from pipelines.refresh import (
    refresh_intervention_cases,
    refresh_intervention_effects,
    refresh_intervention_sales,
    refresh_risk,
)
from pipelines.refresh.risk import newest_lines
from schemas.lake import GROUP_RISK, INTERVENTION_CASE, INTERVENTION_EFFECT, INTERVENTION_SALES, RISK_MODEL


@lake_assets(specs(RISK_MODEL, GROUP_RISK))
def group_risks(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Compute the risks of the newest complete day; choose a score if none is young enough."""
    through, settings = complete_through(lake, rules), rules.settings[GROUP_RISK.name]
    outcomes = refresh_risk(lake, through, rules.risk_retrain_days, settings)
    yield from refreshed(lake, outcomes, {RISK_MODEL.name: _of_alerts(lake)})


@lake_asset(INTERVENTION_CASE)
def intervention_case(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> dg.MaterializeResult:
    """Recompute the cases and their untreated groups if a complete day is new or changed."""
    through, settings = complete_through(lake, rules), rules.settings[INTERVENTION_CASE.name]
    outcome = refresh_intervention_cases(lake, through, rules.zone, settings)
    return materialized(lake, INTERVENTION_CASE, asdict(outcome))


@lake_asset(INTERVENTION_EFFECT)
def intervention_effect(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the outcomes of cases if these changed."""
    return materialized(lake, INTERVENTION_EFFECT, asdict(refresh_intervention_effects(lake)))


@lake_asset(INTERVENTION_SALES)
def intervention_sales(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """Recompute the sales of the groups of cases if cases or sales changed."""
    return materialized(lake, INTERVENTION_SALES, asdict(refresh_intervention_sales(lake)))


def _of_alerts(lake: Lake) -> dict[str, dg.MetadataValue]:
    """Show the quality of alerts by threshold of the risk; if there were none, that of the shipped model."""
    newest = newest_lines(lake)
    if newest is None:
        return {}
    known = of_score(*newest)
    whose = "own" if known.is_own else "shipped model"
    return {f"alerts by the risk ({whose})": dg.MetadataValue.md(markdown(known.lines))}
