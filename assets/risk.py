"""How likely living groups are to die: `risk_model`, `group_risk`."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from assets.completeness import complete_through
from assets.resources import Rules
from assets.steps import lake_assets
from assets.tables import refreshed, specs
from pipelines.groups.risk.lines import markdown, of_score
from pipelines.lake import Lake
from pipelines.refresh import refresh_risk
from pipelines.refresh.risk import newest_lines
from schemas.lake import GROUP_RISK, RISK_MODEL


@lake_assets(specs(RISK_MODEL, GROUP_RISK))
def group_risks(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Tell the risks of the newest complete day; choose a score where none is young enough."""
    through, settings = complete_through(lake, rules), rules.settings[GROUP_RISK.name]
    outcomes = refresh_risk(lake, through, rules.risk_retrain_days, settings)
    yield from refreshed(lake, outcomes, {RISK_MODEL.name: _of_alerts(lake)})


def _of_alerts(lake: Lake) -> dict[str, dg.MetadataValue]:
    """What alerts would be worth by the risk from which on they are raised; of the box, where there were none."""
    newest = newest_lines(lake)
    if newest is None:
        return {}
    known = of_score(*newest)
    return {f"alerts by the risk ({'own' if known.is_own else 'box'})": dg.MetadataValue.md(markdown(known.lines))}
