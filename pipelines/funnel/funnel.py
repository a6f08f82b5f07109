"""Entries of a funnel: one row a person with the events that matched, and whether its window is over (section 4)."""

from __future__ import annotations

import datetime as dt
from functools import partial

import numpy as np
import polars as pl

from pipelines.funnel import kernel
from pipelines.funnel.predicates import predicates
from schemas.funnel import FunnelDefinition
from schemas.lake import FUNNEL_ENTRY, ORDERING_KEY

_KERNELS = {"sequential": kernel.sequential}

_MICROSECOND = dt.timedelta(microseconds=1)


def funnel(timeline: pl.LazyFrame, definition: FunnelDefinition, watermark: dt.datetime) -> pl.LazyFrame:
    """Find each person's best chain: the longest, among equals the one that starts last.

    Args:
        timeline: Rows of `pipelines.funnel.steps.TIMELINE`, in any order.
        definition: The steps, the window and the mode.
        watermark: UTC; entries whose window is not over by then are not mature.

    Returns:
        `schemas.lake.FUNNEL_ENTRY`, a row a person who reached the first step; `matches` holds a row a step reached.

    Raises:
        FunnelDefinitionError: A step's predicate does not fit the timeline.
    """
    satisfied = pl.sum_horizontal(
        pl.when(predicate).then(pl.lit(1 << bit, pl.UInt64)).otherwise(pl.lit(0, pl.UInt64))
        for bit, predicate in enumerate(predicates(definition))
    )
    return (
        timeline.select("person_id", *ORDERING_KEY, "source", "event_id", satisfied.alias("satisfied"))
        .filter(pl.col("satisfied") > 0)
        .sort("person_id", *ORDERING_KEY)
        .map_batches(
            partial(_entries, definition=definition, watermark=watermark),
            schema=FUNNEL_ENTRY.schema,
        )
    )


def is_mature(entered_at: pl.Expr, definition: FunnelDefinition, watermark: dt.datetime) -> pl.Expr:
    """True for entries whose window is over at the watermark."""
    return entered_at + definition.window <= watermark


def _entries(rows: pl.DataFrame, definition: FunnelDefinition, watermark: dt.datetime) -> pl.DataFrame:
    persons = rows["person_id"].rle().struct.unnest()
    starts = np.zeros(persons.height + 1, np.int64)
    np.cumsum(persons["len"].to_numpy(), out=starts[1:])
    reached, matched = _KERNELS[definition.mode](
        starts,
        rows["time"].to_physical().to_numpy(writable=True),
        rows["satisfied"].to_numpy(writable=True),
        definition.window // _MICROSECOND,
        len(definition.steps),
    )
    person, step = np.nonzero(matched != kernel.NO_ROW)
    names = pl.Series("step", [step.name for step in definition.steps], pl.String)
    matches = (
        rows.select("source", "event_id", "time")[matched[person, step]]
        .insert_column(0, names.gather(step))
        .select(
            pl.Series("person", person),
            pl.struct("step", "source", "event_id", "time").alias("match"),
        )
        .group_by("person", maintain_order=True)
        .agg(pl.col("match").alias("matches"))
    )
    entered_at = pl.col("matches").list.first().struct.field("time")
    return matches.select(
        pl.lit(definition.name).alias("funnel"),
        persons["value"].gather(matches["person"]).alias("person_id"),
        entered_at.alias("entered_at"),
        pl.Series("steps_reached", reached[matches["person"].to_numpy()], pl.Int16),
        is_mature(entered_at, definition, watermark).alias("is_mature"),
        "matches",
    )
