"""Histogram of the time that entries took to reach a step (docs/definitions.md#funnel)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.funnel.reached import MICROSECONDS, steps_of
from schemas.funnel import FunnelDefinition

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
BIN_STARTS: Final = (
    *(0, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 60 * _DAY, 90 * _DAY, 180 * _DAY, 365 * _DAY),
)
"""Start of each bin in seconds. The same for all funnels and times, so that histograms can be compared; bins are
roughly logarithmic, since times to convert spread over orders of magnitude."""


def time_to_convert(reached: pl.LazyFrame, definition: FunnelDefinition) -> pl.LazyFrame:
    """Count the mature entries that reached a step by the time they took.

    Args:
        reached: `reached_steps` of the entries of this funnel.
        definition: The funnel; its window ends the last bin.

    Returns:
        `warehouse.funnel_time_to_convert`: for each step after the first, and `since` the `entry` or the
        `step_before`, a row per bin `[from_seconds, until_seconds)`, 0 if it is empty. The last bin ends with the
        window, inclusive, like conversion.
    """
    window = definition.window // dt.timedelta(seconds=1)
    starts = [start for start in BIN_STARTS if start < window]
    bins = pl.LazyFrame(
        {"from_seconds": starts, "until_seconds": [*starts[1:], window]},
        schema={"from_seconds": pl.Int64, "until_seconds": pl.Int64},
    )
    since = pl.LazyFrame({"since": ["entry", "step_before"]})
    counted = (
        reached.filter("is_mature")
        .select("step_number", entry="waited", step_before="step_waited")
        .filter(pl.col("step_number") > 1)
        .unpivot(index="step_number", variable_name="since", value_name="waited")
        .with_columns(seconds=pl.col("waited") // MICROSECONDS)
        .sort("seconds")
        .join_asof(bins, left_on="seconds", right_on="from_seconds")
        .group_by("step_number", "since", "from_seconds")
        .agg(reached=pl.len().cast(pl.Int64))
    )
    key = ["step_number", "since", "from_seconds"]
    return (
        steps_of(definition)
        .filter(pl.col("step_number") > 1)
        .join(since, how="cross")
        .join(bins, how="cross")
        .join(counted, on=key, how="left")
        .sort(key)
        .select(
            pl.lit(definition.name).alias("funnel"),
            *("step_number", "step", "since", "from_seconds", "until_seconds"),
            pl.col("reached").fill_null(0),
        )
    )
