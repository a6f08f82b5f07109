"""Refresh `spend_day` on days with new or replaced costs, and `spend_return` as a whole."""

from __future__ import annotations

from pipelines.funnel.spend import spend_day, spend_return
from pipelines.lake import Lake
from pipelines.refresh.feeds import refresh_days_of_all
from pipelines.refresh.whole import inputs_of, refresh_whole
from pipelines.refresh.written import Refreshed
from schemas.lake import GROUP_SALES_DAY, SPEND_DAY, SPEND_RETURN


def refresh_spend_days(lake: Lake) -> Refreshed:
    """Sum up the costs of days with new or replaced events."""
    return refresh_days_of_all(lake, SPEND_DAY, spend_day)


def spend_return_inputs(lake: Lake) -> dict[str, int]:
    """Return the inputs of `spend_return`."""
    return inputs_of(lake, SPEND_DAY, GROUP_SALES_DAY)


def refresh_spend_return(lake: Lake) -> Refreshed:
    """Recompute the sales beside costs if either changed.

    All of both is read: at most one row per group, day, currency and model, about 0.01 s for each 100,000 rows. Without
    any costs there are no rows.
    """
    spend, sales = lake.open(SPEND_DAY).scan(), lake.open(GROUP_SALES_DAY).scan()
    return refresh_whole(lake, SPEND_RETURN, spend_return_inputs(lake), lambda: spend_return(spend, sales))
