"""Entries as rows per step, with the counts, rates and times of steps: the one place that computes them.

See docs/definitions.md#funnel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from schemas.funnel import FunnelDefinition

MICROSECONDS: Final = 1_000_000
"""Microseconds in a second."""
_TIMES: Final = [f"{prefix}{name}_seconds" for prefix in ("", "step_") for name in ("median", "mean", "p90")]


def reached_steps(entries: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row per entry and step it reached, in any order.

    Args:
        entries: `schemas.lake.FUNNEL_ENTRY`; further columns are kept.

    Returns:
        The columns of entries except `matches`, and those of a match; `row`, the number of the entry; `step_number`
        from 1; `waited` since the entry and `step_waited` since the step before, both in microseconds, the latter null
        for the first step.
    """
    times = pl.col("matches").list.eval(pl.element().struct.field("time").to_physical())
    # A chain is never empty, and its n-th match reaches n steps.
    numbers = pl.int_ranges(1, pl.col("matches").list.len().cast(pl.Int32) + 1, dtype=pl.Int32)
    return (
        # Entries are identified by row: a person can have several that start with the same event.
        entries.with_row_index("row")
        .with_columns(step_number=numbers, step_waited=times.list.diff())
        .explode("step_number", "step_waited", "matches")
        .unnest("matches")
        .with_columns(waited=(pl.col("time") - pl.col("entered_at")).dt.total_microseconds())
    )


def steps_of(definition: FunnelDefinition) -> pl.LazyFrame:
    """Return `step_number` from 1 and `step`, in order; in mode `any_order` the step is a number of steps."""
    names = [step.name for step in definition.steps]
    if definition.mode == "any_order":
        names[1:] = (f"{number} steps" for number in range(2, len(names) + 1))
    return pl.LazyFrame(
        {"step_number": range(1, len(names) + 1), "step": names},
        schema={"step_number": pl.Int32, "step": pl.String},
    )


def by_cell(reached: pl.LazyFrame, definition: FunnelDefinition, cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return counts, rates and times of each step in each cell.

    Args:
        reached: Result of `reached_steps`, with the columns of `cells`.
        definition: The funnel.
        cells: A row per cell: non-null columns that identify it.

    Returns:
        The columns of `cells`, `step_number`, `step` and the measures of `warehouse.funnel_step`: a row per cell and
        step, reached or not, in order. Measures are of mature entries, `reached_immature` counts the others. Both rates
        of the first step are 1; rates and times without entries are null.
    """
    mature, key = pl.col("is_mature"), cells.collect_schema().names()
    waited, step_waited = (pl.col(name).filter(mature) for name in ("waited", "step_waited"))
    measured = reached.group_by(*key, "step_number").agg(
        mature.sum().cast(pl.Int64).alias("reached"),
        (~mature).sum().cast(pl.Int64).alias("reached_immature"),
        *_times(waited, ""),
        *_times(step_waited, "step_"),
    )
    number = pl.col("reached")
    return (
        cells.join(steps_of(definition), how="cross")
        .join(measured, on=[*key, "step_number"], how="left")
        .with_columns(pl.col("reached", "reached_immature").fill_null(0))
        .sort(*key, "step_number")
        .with_columns(
            _rate(number, number.first().over(key)).alias("rate_overall"),
            _rate(number, number.shift(1).over(key).fill_null(number)).alias("rate_step"),
        )
        .select(*key, "step_number", "step", "reached", "reached_immature", "rate_overall", "rate_step", *_TIMES)
    )


def _times(waited: pl.Expr, prefix: str) -> Iterator[pl.Expr]:
    measures = {
        "median": waited.median(),
        # Integers are summed, because a sum of floats depends on the order of rows.
        "mean": _rate(waited.sum(), waited.count()),
        "p90": waited.quantile(0.9, "linear"),
    }
    for name, measure in measures.items():
        yield (measure / MICROSECONDS).alias(f"{prefix}{name}_seconds")


def _rate(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)
