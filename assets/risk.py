"""How likely living groups are to die: `risk_model`, `group_risk`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.completeness import complete_through
from assets.groups import GROUP
from assets.pools import WRITER
from assets.resources import Rules
from pipelines.lake import Lake
from pipelines.refresh import refresh_risk
from schemas.lake import GROUP_RISK, RISK_MODEL


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            table.name,
            deps=["group_health", "person_day", "events"],
            group_name=GROUP,
            kinds={"polars", "deltalake", "scikitlearn"},
            description=description,
        )
        for table, description in (
            (RISK_MODEL, "Models of how groups went silent, each with its grades on the time after its training."),
            (GROUP_RISK, "The risk that a living group will be dead within 28 and 56 days, as told on each day."),
        )
    ],
    pool=WRITER,
)
def group_risks(lake: dg.ResourceParam[Lake], rules: dg.ResourceParam[Rules]) -> Iterator[dg.MaterializeResult]:
    """Tell the risks of the newest complete day; train a model where there is none young enough."""
    through, settings = complete_through(lake, rules), rules.settings[GROUP_RISK.name]
    for name, outcome in refresh_risk(lake, through, rules.risk_retrain_days, settings).items():
        yield dg.MaterializeResult(name, metadata=asdict(outcome))
