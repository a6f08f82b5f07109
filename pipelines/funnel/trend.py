"""Conversion by the calendar period of the entry (docs/definitions.md#time, docs/definitions.md#funnel)."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.calendar import Unit, is_complete, unit_start, unit_starts
from pipelines.funnel.reached import by_cell
from pipelines.time import business_day, last_complete_day
from schemas.funnel import FunnelDefinition


def trend(
    reached: pl.LazyFrame, definition: FunnelDefinition, unit: Unit, zone: str, watermark: dt.datetime
) -> pl.LazyFrame:
    """Count the steps that entries of each day, week or month reached within their window.

    Args:
        reached: `reached_steps` of the entries of this funnel, as they are at the watermark.
        definition: The funnel.
        unit: Length of the periods.
        zone: IANA name of the business zone.
        watermark: UTC.

    Returns:
        `warehouse.funnel_trend`: a row per step for every period from the first with an entry to the newer of the last
        complete day's and the last with an entry. A period `is_mature` when its end was a window ago: `reached` and the
        rates are null before that, and `reached_so_far` counts all entries at any time. In a mature period without
        entries, `reached` is 0 and the rates are null.
    """
    day = business_day(pl.col("entered_at"), zone)
    of_units = reached.with_columns(start=unit_start(day, unit))
    through = last_complete_day(watermark, zone)
    newest = pl.max_horizontal(pl.col("start").max(), unit_start(pl.lit(through), unit))
    units = (
        of_units.select(first=pl.col("start").min(), last=newest)
        .drop_nulls("first")
        .select(start=unit_starts(pl.col("first"), pl.col("last"), unit))
        .explode("start")
    )
    # The period is over, and so is the window of an entry in its last instant.
    mature = is_complete(pl.col("start"), unit, last_complete_day(watermark - definition.window, zone))
    counted = by_cell(of_units, definition, units)
    return counted.select(
        pl.lit(definition.name).alias("funnel"),
        pl.lit(unit).alias("unit"),
        *("start", "step_number", "step"),
        (pl.col("reached") + pl.col("reached_immature")).alias("reached_so_far"),
        *(pl.when(mature).then(name).alias(name) for name in ("reached", "rate_overall", "rate_step")),
        mature.alias("is_mature"),
    )
