"""`spend_day`: the days that costs were told of anew; `spend_return`: what was sold beside it."""

from __future__ import annotations

from pipelines.funnel.spend import spend_day, spend_return
from pipelines.lake import Lake
from pipelines.refresh.feeds import refresh_days_of_all
from pipelines.refresh.whole import inputs_of, refresh_whole
from pipelines.refresh.written import Refreshed
from schemas.lake import GROUP_SALES_DAY, SPEND_DAY, SPEND_RETURN


def refresh_spend_days(lake: Lake) -> Refreshed:
    """Sum the costs again of the days of which events came or were replaced."""
    return refresh_days_of_all(lake, SPEND_DAY, spend_day)


def spend_return_inputs(lake: Lake) -> dict[str, int]:
    """The inputs of `spend_return`."""
    return inputs_of(lake, SPEND_DAY, GROUP_SALES_DAY)


def refresh_spend_return(lake: Lake) -> Refreshed:
    """Put what was sold beside what was spent again, if either changed.

    All of both is read: a row a group, day, currency and model at most, a hundredth of a second for each 100,000. Where
    nothing was ever spent, there are no rows.
    """
    spend, sales = lake.open(SPEND_DAY).scan(), lake.open(GROUP_SALES_DAY).scan()
    return refresh_whole(lake, SPEND_RETURN, spend_return_inputs(lake), lambda: spend_return(spend, sales))
