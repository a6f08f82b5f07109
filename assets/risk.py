"""How likely living groups are to die: `risk_model`, `group_risk`."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from assets.completeness import complete_through
from assets.resources import Rules
from assets.steps import lake_assets
from assets.tables import refreshed, specs
from pipelines.lake import Lake
from pipelines.refresh import refresh_risk
from schemas.lake import GROUP_RISK, RISK_MODEL


@lake_assets(specs(RISK_MODEL, GROUP_RISK))
def group_risks(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Tell the risks of the newest complete day; train a model where there is none young enough."""
    through, settings = complete_through(lake, rules), rules.settings[GROUP_RISK.name]
    yield from refreshed(lake, refresh_risk(lake, through, rules.risk_retrain_days, settings))
