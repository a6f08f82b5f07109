"""What the model tells of groups now, where it may alert, and since when a risk has been high."""

from __future__ import annotations

from typing import Final

import polars as pl

RISKS: Final = pl.Schema(
    {
        "group_id": pl.String(),
        "risk_day": pl.Date(),
        "risk_28": pl.Float64(),
        "drivers": pl.String(),
        "risk_since": pl.Date(),
    }
)
"""The risk of a group on `risk_day`. `risk_since`: from when on it has been high; null where it is not."""


def newest_risks(group_risk: pl.LazyFrame, newest: pl.LazyFrame, enter: float, leave: float) -> pl.LazyFrame:
    """Find the risks of the newest day; a risk is high from the day it reaches `enter` to the day it is below `leave`.

    Days without a risk, and risks told by a model that may not alert, neither begin nor end that.

    Args:
        group_risk: Columns of `schemas.lake.GROUP_RISK`.
        newest: `group_id`, distinct, and `day`: the newest on which the group was judged.
        enter: From 0 to 1.
        leave: From 0 to `enter`.

    Returns:
        `RISKS`: of groups of which a model that may alert told a risk on that day.
    """
    risks = group_risk.filter("may_alert")
    is_low, is_high = pl.col("risk_28") < leave, pl.col("risk_28") >= enter
    ended = risks.filter(is_low).group_by("group_id").agg(low_day=pl.col("day").max())
    begun = (
        risks.filter(is_high)
        .select("group_id", "day")
        .join(ended, on="group_id", how="left")
        .filter(pl.col("low_day").is_null() | (pl.col("day") > pl.col("low_day")))
        .group_by("group_id")
        .agg(risk_since=pl.col("day").min())
    )
    return (
        newest.select("group_id", "day")
        .join(risks.select("group_id", "day", "risk_28", "drivers"), on=["group_id", "day"])
        .join(begun, on="group_id", how="left")
        .rename({"day": "risk_day"})
        .select(RISKS.names())
    )
