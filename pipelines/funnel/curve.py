"""The conversion curve: the share of entries that reached a step by time since entry, including immature entries.

See docs/definitions.md#funnel.

The estimate is that of Kaplan & Meier, its variance that of Greenwood, and the interval is symmetric on the scale of
log(-log), so that it stays between 0 and 1 (Kalbfleisch & Prentice, The Statistical Analysis of Failure Time Data,
2nd edition 2002, section 1.4).
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import polars as pl
from scipy.special import ndtri

from pipelines.funnel.reached import MICROSECONDS, steps_of
from schemas.funnel import FunnelDefinition

PARTS: Final = 60
"""Number of equal parts of the window; the curve has a point at the end of each."""
CONFIDENCE: Final = 0.95

_MICROSECOND: Final = dt.timedelta(microseconds=1)


def curve(reached: pl.LazyFrame, definition: FunnelDefinition, watermark: dt.datetime) -> pl.LazyFrame:
    """Estimate the share that reaches each step after the first, by the time since the entry.

    An entry is observed until the end of its window or the watermark, whichever is earlier, and then right-censored.
    Steps reached between the watermark and the newest event do not count, because other entries' are not known yet;
    entries after the watermark are left out.

    Args:
        reached: `reached_steps` of the entries of this funnel, mature or not.
        definition: The funnel.
        watermark: UTC.

    Returns:
        `warehouse.funnel_curve`: a row per step after the first and point in time, from 0 to the end of the window in
        `PARTS` parts, as far as any entry was observed. `at_risk` entries were observed that long and had not reached
        the step before; `converted` ones had reached it by then.
    """
    window = definition.window // _MICROSECOND
    points = pl.LazyFrame({"at": [window * part // PARTS for part in range(PARTS + 1)]}, schema={"at": pl.Int64})
    estimates = pl.concat(
        kaplan_meier(_durations(reached, number, window, watermark)).with_columns(step_number=pl.lit(number, pl.Int32))
        for number in range(2, len(definition.steps) + 1)
    )
    steps = steps_of(definition).filter(pl.col("step_number") > 1)
    grid = steps.join(points, how="cross").sort("at")
    at_risk = estimates.select("step_number", "duration", "at_risk").sort("duration")
    so_far = estimates.drop("at_risk").sort("duration")
    by_time: dict[str, Any] = {
        "left_on": "at",
        "right_on": "duration",
        "by": "step_number",
        # All sides are sorted; with `by`, Polars cannot check that and would warn.
        "check_sortedness": False,
    }
    return (
        grid.join_asof(at_risk, strategy="forward", **by_time)
        .drop_nulls("at_risk")
        .sort("at")
        .join_asof(so_far, **by_time)
        .sort("step_number", "at")
        .select(
            pl.lit(definition.name).alias("funnel"),
            *("step_number", "step"),
            (pl.col("at") // MICROSECONDS).alias("seconds"),
            "at_risk",
            pl.col("converted").fill_null(0),
            pl.col("conversion").fill_null(0.0),
            "conversion_low",
            "conversion_high",
        )
    )


def kaplan_meier(durations: pl.LazyFrame) -> pl.LazyFrame:
    """Return the product-limit (Kaplan-Meier) estimate of the share converted over time.

    Args:
        durations: `duration`, Int64 in any unit, and `is_converted`: whether it ended with the conversion or was
            censored.

    Returns:
        A row per distinct duration, in order: `duration`; `at_risk`, entries that lasted at least so long; `converted`,
        those converted by then; `conversion`, the estimate; `conversion_low`, `conversion_high`, its interval at
        `CONFIDENCE`, null before the first conversion and once all at risk have converted, when Greenwood's variance
        does not exist.
    """
    ended, left, at_risk = pl.col("ended"), pl.col("left"), pl.col("at_risk")
    survival, hazard = pl.col("survival"), pl.col("hazard")
    z = float(ndtri((1 + CONFIDENCE) / 2))
    spread = z * pl.col("variance").sqrt() / survival.log().abs()
    is_between = survival.is_between(0, 1, closed="none")
    return (
        durations.group_by("duration")
        .agg(ended=pl.col("is_converted").sum().cast(pl.Int64), left=pl.len().cast(pl.Int64))
        .sort("duration")
        .with_columns(at_risk=left.cum_sum(reverse=True))
        .with_columns(hazard=ended / at_risk)
        .with_columns(
            converted=ended.cum_sum(),
            survival=(1 - hazard).cum_prod(),
            # Variance of the logarithm of the survival.
            variance=(hazard / (at_risk - ended)).cum_sum(),
        )
        .select(
            "duration",
            "at_risk",
            "converted",
            conversion=1 - survival,
            conversion_low=pl.when(is_between).then(1 - survival.pow((-spread).exp())),
            conversion_high=pl.when(is_between).then(1 - survival.pow(spread.exp())),
        )
    )


def _durations(reached: pl.LazyFrame, number: int, window: int, watermark: dt.datetime) -> pl.LazyFrame:
    """Return how long each entry was observed, at most until it reached this step, in microseconds."""
    observed = pl.min_horizontal((pl.lit(watermark) - pl.col("entered_at")).dt.total_microseconds(), pl.lit(window))
    entered = reached.filter(pl.col("step_number") == 1, pl.col("entered_at") <= watermark)
    return (
        entered.select("row", observed=observed)
        .join(reached.filter(pl.col("step_number") == number).select("row", "waited"), on="row", how="left")
        .select(
            duration=pl.min_horizontal("waited", "observed"),
            is_converted=(pl.col("waited") <= pl.col("observed")).fill_null(value=False),
        )
    )
