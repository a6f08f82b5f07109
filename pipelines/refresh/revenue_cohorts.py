"""Refresh `revenue_cohort` from `customer_order`, always as a whole: an order may change a buyer's cohort."""

from __future__ import annotations

import datetime as dt

from pipelines.engagement.revenue_cohorts import revenue_cohorts
from pipelines.lake import Lake
from pipelines.refresh.whole import inputs_of, refresh_whole
from pipelines.refresh.written import SETTINGS, Refreshed
from schemas.lake import CUSTOMER_ORDER, REVENUE_COHORT


def revenue_inputs(lake: Lake, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs of `revenue_cohort`: the rows of `customer_order`, the last complete day and the settings."""
    day = 0 if through is None else through.toordinal()
    return inputs_of(lake, CUSTOMER_ORDER, **{SETTINGS: settings, "through": day})


def refresh_revenue_cohorts(lake: Lake, through: dt.date | None, settings: int) -> Refreshed:
    """Recompute the cohorts if orders, the last complete day or the settings changed."""
    inputs = revenue_inputs(lake, through, settings)
    return refresh_whole(
        lake, REVENUE_COHORT, inputs, lambda: revenue_cohorts(lake.open(CUSTOMER_ORDER).scan(), through)
    )
