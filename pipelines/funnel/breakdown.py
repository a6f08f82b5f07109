"""The summary of a funnel by the value of a property (docs/definitions.md#funnel, trap 11)."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.funnel.reached import by_cell
from schemas.funnel import PURPOSE, Breakdown, FunnelDefinition

_CELL: Final = ("segment_kind", "segment")
TOTAL, VALUE, NONE, OTHER = "total", "value", "none", "other"
"""Kinds of segment: all entries; those with a value; those without a value; those with other values."""


def breakdown(
    reached: pl.LazyFrame, definition: FunnelDefinition, shown: Breakdown, properties: pl.LazyFrame
) -> pl.LazyFrame:
    """Summarise entries by a property of the events that matched.

    An entry gets the value

    - `first_step`: of the event that matched the first step;
    - `last_step`: of the event that matched the last step it reached;
    - `first_touch`, `last_touch`: of the first or the last matched event that has one;
    - `all_steps`: of each of its matched events, so that it can be in several segments, in each once.

    PostHog's first and last touchpoint mean the same as here, and its specific step names a step as the first two do;
    its "all steps", one value along the whole chain, changes which chains there are and is no view of entries
    (https://posthog.com/docs/product-analytics/funnels).

    In a segment an entry counts with every step it reached, whichever step the value is from. The `total` is counted
    from the entries and not from segments. The `shown.limit` most frequent values, mature or not, have a segment each
    (ties in alphabetical order); entries of all others are in `other`, once each. Entries without a value are always in
    `none`.

    Args:
        reached: `reached_steps` of the entries of this funnel.
        definition: The funnel.
        shown: The breakdown.
        properties: `source`, `event_id`, `value`: a row per event, see `property_values`.

    Returns:
        `warehouse.funnel_breakdown`: a row per segment and step, including the total.
    """
    segments = _segments(_values(reached, shown, properties), shown.limit)
    # An entry with several values can be in `other` once for each of them.
    segments = (segments.unique() if shown.touch == "all_steps" else segments).cache()
    measured = reached.select("row", "step_number", "is_mature", "waited", "step_waited")
    in_total = measured.with_columns(segment_kind=pl.lit(TOTAL), segment=pl.lit(TOTAL))
    total = pl.LazyFrame({"segment_kind": [TOTAL], "segment": [TOTAL]})
    counted = pl.concat(
        [
            by_cell(in_total, definition, total),
            by_cell(measured.join(segments, on="row"), definition, segments.select(_CELL).unique()),
        ]
    )
    return counted.select(
        pl.lit(definition.name).alias("funnel"),
        pl.lit(shown.by).alias("by"),
        pl.lit(shown.touch).alias("touch"),
        pl.all(),
    )


def property_values(events: pl.LazyFrame, groups: pl.LazyFrame, by: str) -> pl.LazyFrame:
    """Return the value of a property for each event: `source`, `event_id`, `value`.

    Args:
        events: `schemas.lake.MATCHED_EVENT`.
        groups: `schemas.lake.GROUP`.
        by: One of `schemas.funnel.PROPERTIES`.
    """
    if by != PURPOSE:
        return events.select("source", "event_id", value=pl.col(by))
    purposes = groups.select("group_id", value=pl.col("purpose"))
    return events.select("source", "event_id", "group_id").join(purposes, on="group_id", how="left").drop("group_id")


def _values(reached: pl.LazyFrame, shown: Breakdown, properties: pl.LazyFrame) -> pl.LazyFrame:
    """Return `row, value`: the values of each entry, null if it has none."""
    step, value = pl.col("step_number"), pl.col("value")
    matched = reached.select("row", "step_number", "source", "event_id")
    entered = matched.filter(step == 1).select("row")
    if shown.touch == "first_step":
        matched = matched.filter(step == 1)
    elif shown.touch == "last_step":
        matched = matched.filter(step == step.max().over("row"))
    # Events with a null value are dropped like unknown events: most events have no product.
    valued = matched.join(properties.drop_nulls("value"), on=["source", "event_id"])
    if shown.touch == "first_touch":
        valued = valued.group_by("row").agg(value.sort_by("step_number").first())
    elif shown.touch == "last_touch":
        valued = valued.group_by("row").agg(value.sort_by("step_number").last())
    elif shown.touch == "all_steps":
        valued = valued.select("row", "value").unique()
    return entered.join(valued.select("row", "value"), on="row", how="left")


def _segments(values: pl.LazyFrame, limit: int) -> pl.LazyFrame:
    """Return `row, segment_kind, segment`: the segments of each entry, one per value."""
    value = pl.col("value")
    values = values.cache()
    largest = (
        values.drop_nulls("value")
        .group_by("value")
        .agg(entries=pl.len())
        .sort("entries", "value", descending=[True, False])
        .head(limit)
        .select("value", is_shown=pl.lit(value=True))
    )
    kind = pl.when(value.is_null()).then(pl.lit(NONE)).when("is_shown").then(pl.lit(VALUE)).otherwise(pl.lit(OTHER))
    return (
        values.join(largest, on="value", how="left")
        .with_columns(segment_kind=kind)
        .select("row", "segment_kind", segment=pl.when(kind == VALUE).then("value").otherwise(kind))
    )
