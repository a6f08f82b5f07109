"""Warehouse rows of a funnel's entries: the summary, and the drill-down with the same counts.

See docs/definitions.md#funnel.
"""

from __future__ import annotations

import polars as pl

from pipelines.funnel.reached import by_cell, reached_steps
from schemas.funnel import FunnelDefinition

_ENTRY = ("funnel", "person_id", "entry", "entered_at")


def entry_rows(entries: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Return entries in the columns of `warehouse.funnel_entry`.

    Args:
        entries: `schemas.lake.FUNNEL_ENTRY`.
        groups: `schemas.lake.GROUP`.
    """
    with_group = entries.with_columns(group_id=pl.col("matches").list.first().struct.field("group_id"))
    return _with_purpose(with_group, groups).select(*_ENTRY, "group_id", "purpose", "steps_reached", "is_mature")


def matches(entries: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row per entry and step reached, in the columns of `warehouse.funnel_match`; steps count from 1.

    Args:
        entries: `schemas.lake.FUNNEL_ENTRY`.
        groups: `schemas.lake.GROUP`.
    """
    reached = _with_purpose(reached_steps(entries), groups)
    return reached.select(*_ENTRY, "step_number", "step", "source", "event_id", "time", "group_id", "purpose")


def _with_purpose(rows: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    return rows.join(groups.select("group_id", "purpose"), on="group_id", how="left")


def of_funnel(entries: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Return the entries of one funnel."""
    return entries.filter(pl.col("funnel") == name)


def summary(entries: pl.LazyFrame, definition: FunnelDefinition) -> pl.LazyFrame:
    """Return a row per step, reached or not, in order and in the columns of `warehouse.funnel_step`.

    See `reached.by_cell`. Times are from the entry, and with the prefix `step_` from the step before; the 90th
    percentile is interpolated linearly. In mode `any_order`, a row is a number of steps.
    """
    return summary_of_reached(reached_steps(of_funnel(entries, definition.name)), definition)


def summary_of_matches(matches: pl.LazyFrame, definition: FunnelDefinition) -> pl.LazyFrame:
    """Return the summary from `funnel.matched_steps`, which needs less time and memory than entries with events."""
    time = pl.col("time")
    step_waited = pl.when(pl.col("step_number") > 1).then(time.diff().dt.total_microseconds())
    waited = (time - pl.col("entered_at")).dt.total_microseconds()
    reached = matches.with_columns(funnel=pl.lit(definition.name), waited=waited, step_waited=step_waited)
    return summary_of_reached(reached, definition)


def summary_of_reached(reached: pl.LazyFrame, definition: FunnelDefinition) -> pl.LazyFrame:
    """Return the summary from `reached_steps` of the entries of one funnel."""
    return by_cell(reached, definition, pl.LazyFrame({"funnel": [definition.name]}))
