"""What the company spends: a little each week on each group that sells, and campaigns that belong to no group."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from emberline.simulator.clock import HOUR, Calendar
from emberline.simulator.company import Company
from emberline.simulator.rows import COSTS, rows
from schemas import kinds

CURRENCY: Final = "CNY"

_WEEK, _MONTH = 7, 28


def spend(calendar: Calendar, company: Company, rng: np.random.Generator) -> pl.DataFrame:
    """Costs of each group that sells, each week for as long as it is staffed, and a campaign every four weeks."""
    selling, weeks = np.flatnonzero(company.sells), np.arange(_WEEK - 1, calendar.days, _WEEK)
    group, day = (grid.ravel() for grid in np.meshgrid(selling, weeks))
    time = calendar.midnights[day] + 10 * HOUR
    is_paid = (time > company.created[group]) & (time < company.staffed[group])
    on_groups = rows(
        kinds.SPEND_RECORDED, COSTS, time, group_id=company.ids.gather(group), currency=CURRENCY,
        total_minor=rng.integers(500, 2_500, len(group)),
    ).filter(pl.Series(is_paid))  # fmt: skip
    months = np.arange(_MONTH - 1, calendar.days, _MONTH)
    number = pl.int_range(1, len(months) + 1, eager=True).cast(pl.String)
    on_campaigns = rows(
        kinds.SPEND_RECORDED, COSTS, calendar.midnights[months] + 12 * HOUR, campaign="Simulated campaign " + number,
        currency=CURRENCY, total_minor=rng.integers(20_000, 60_000, len(months)),
    )  # fmt: skip
    return pl.concat([on_groups, on_campaigns], how="diagonal")
