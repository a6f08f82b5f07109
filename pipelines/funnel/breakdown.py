"""The summary of a funnel by the value of a property (docs/definitions.md#funnel, trap 11)."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.funnel.reached import by_cell, reached_steps
from schemas.funnel import PURPOSE, Breakdown, FunnelDefinition

_CELL: Final = ("segment_kind", "segment")
TOTAL, VALUE, NONE, OTHER = "total", "value", "none", "other"
"""Kinds of segment: all entries; those of a value; those without any; those of the values that have no segment."""


def breakdown(
    entries: pl.LazyFrame, definition: FunnelDefinition, shown: Breakdown, properties: pl.LazyFrame
) -> pl.LazyFrame:
    """Summarise entries by a property of the events that matched.

    An entry has the value

    - `first_step`: of the event that matched the first step;
    - `last_step`: of the event that matched the last step it reached;
    - `first_touch`, `last_touch`: of the first or the last matched event that has one;
    - `all_steps`: of each of its matched events, so that it can be in several segments, in each once.

    PostHog's first and last touchpoint mean the same as here, and its specific step names a step as the first two do;
    its "all steps", one value along the whole chain, changes which chains there are and is no view of entries
    (https://posthog.com/docs/product-analytics/funnels).

    In a segment an entry counts with every step it reached, whichever step the value is of. The `total` is counted from
    the entries and not from segments. The `shown.limit` values of most entries, mature or not, have a segment each,
    of equals the first in order of text; entries of all others are in `other`, once each. Entries without a value are
    in `none`, however many they are.

    Args:
        entries: `schemas.lake.FUNNEL_ENTRY` of this funnel.
        definition: The funnel.
        shown: By what.
        properties: `source`, `event_id`, `value`: a row an event, see `property_values`.

    Returns:
        `warehouse.funnel_breakdown`: a row a segment and step, and of the total a row a step.
    """
    segments = _segments(entries, shown, properties).cache()
    total = pl.LazyFrame({"segment_kind": [TOTAL], "segment": [TOTAL]})
    in_total = reached_steps(entries).with_columns(segment_kind=pl.lit(TOTAL), segment=pl.lit(TOTAL))
    counted = pl.concat(
        [
            by_cell(in_total, definition, total),
            by_cell(segments, definition, segments.select(_CELL).unique()),
        ]
    )
    return counted.select(
        pl.lit(definition.name).alias("funnel"),
        pl.lit(shown.by).alias("by"),
        pl.lit(shown.touch).alias("touch"),
        pl.all(),
    )


def property_values(events: pl.LazyFrame, groups: pl.LazyFrame, by: str) -> pl.LazyFrame:
    """The value of a property for each event: `source`, `event_id`, `value`.

    Args:
        events: `schemas.lake.MATCHED_EVENT`.
        groups: `schemas.lake.GROUP`.
        by: One of `schemas.funnel.PROPERTIES`.
    """
    if by != PURPOSE:
        return events.select("source", "event_id", value=pl.col(by))
    purposes = groups.select("group_id", value=pl.col("purpose"))
    return events.select("source", "event_id", "group_id").join(purposes, on="group_id", how="left").drop("group_id")


def _segments(entries: pl.LazyFrame, shown: Breakdown, properties: pl.LazyFrame) -> pl.LazyFrame:
    """A row an entry, segment it is in and step it reached."""
    value = pl.col("value")
    known = value.drop_nulls()
    chosen = {
        "first_step": value.first(),
        "last_step": value.last(),
        "first_touch": known.first(),
        "last_touch": known.last(),
        "all_steps": known.unique().implode(),
    }
    rows = (
        # An entry is known by its row: a person can have several, and they may begin with the same event.
        reached_steps(entries.with_row_index("row"))
        .join(properties, on=["source", "event_id"], how="left")
        .sort("row", "step_number")
        .with_columns(chosen[shown.touch].over("row"))
    )
    if shown.touch == "all_steps":
        rows = rows.explode("value", empty_as_null=True)
    rows = rows.cache()
    largest = (
        rows.filter(pl.col("step_number") == 1, value.is_not_null())
        .group_by("value")
        .agg(entries=pl.len())
        .sort("entries", "value", descending=[True, False])
        .head(shown.limit)
        .select("value", is_shown=pl.lit(value=True))
    )
    kind = pl.when(value.is_null()).then(pl.lit(NONE)).when("is_shown").then(pl.lit(VALUE)).otherwise(pl.lit(OTHER))
    in_segments = (
        rows.join(largest, on="value", how="left")
        .with_columns(segment_kind=kind)
        .with_columns(segment=pl.when(pl.col("segment_kind") == VALUE).then("value").otherwise("segment_kind"))
        .select("row", "step_number", *_CELL, "is_mature", "waited", "step_waited")
    )
    # Only an entry with several values can be in `other` more than once.
    return in_segments.unique() if shown.touch == "all_steps" else in_segments
