"""The newest risk of each group, if its score may alert, and since when it has been high."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.groups.thresholds import LEAVES

RISKS: Final = pl.Schema(
    {
        "group_id": pl.String(),
        "risk_day": pl.Date(),
        "risk_28": pl.Float64(),
        "drivers": pl.String(),
        "score": pl.String(),
        "model_share": pl.Float64(),
        "risk_since": pl.Date(),
        "risk_line": pl.Float64(),
    }
)
"""The risk of a group on `risk_day`, and the `score` that gave it. `risk_since`: the first day of the time in which it
has been high; null if it is not. `risk_line`: the risk from which on it is high."""


def newest_risks(group_risk: pl.LazyFrame, newest: pl.LazyFrame, line: float) -> pl.LazyFrame:
    """Find the risks of the newest day, and since when they have been high.

    A risk becomes high at the line, and stays high until it is below `LEAVES` times the line. Days without a risk, and
    risks of a score that may not alert, change nothing.

    Args:
        group_risk: Columns of `schemas.lake.GROUP_RISK`.
        newest: `group_id`, distinct, and `day`, the newest on which the group was judged.
        line: From 0 to 1.

    Returns:
        `RISKS`, for groups that have a risk of a score that may alert on that day.
    """
    risks = group_risk.filter("may_alert")
    is_low, is_high = pl.col("risk_28") < LEAVES * line, pl.col("risk_28") >= line
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
        .join(risks.select("group_id", "day", "risk_28", "drivers", "score", "model_share"), on=["group_id", "day"])
        .join(begun, on="group_id", how="left")
        .rename({"day": "risk_day"})
        .with_columns(risk_line=pl.lit(line, pl.Float64))
        .select(RISKS.names())
    )
