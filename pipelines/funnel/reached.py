"""Entries as rows a step, and what is counted and measured of them: the one place that does.

See docs/definitions.md#funnel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from schemas.funnel import FunnelDefinition

MICROSECONDS: Final = 1_000_000
"""In a second."""
_TIMES: Final = [f"{prefix}{name}_seconds" for prefix in ("", "step_") for name in ("median", "mean", "p90")]


def reached_steps(entries: pl.LazyFrame) -> pl.LazyFrame:
    """One row an entry and step it reached, in any order.

    Args:
        entries: `schemas.lake.FUNNEL_ENTRY`, and other columns, which stay.

    Returns:
        The columns of entries but `matches`, and those of a match; `row`, a number of the entry among these;
        `step_number` from 1; `waited` since the entry and `step_waited` since the step before, both in microseconds,
        the latter null for the first step.
    """
    times = pl.col("matches").list.eval(pl.element().struct.field("time").to_physical())
    # A chain is never empty: its n-th match reaches n steps.
    numbers = pl.int_ranges(1, pl.col("matches").list.len().cast(pl.Int32) + 1, dtype=pl.Int32)
    return (
        # An entry is known by its row: a person can have several, and they may begin with the same event.
        entries.with_row_index("row")
        .with_columns(step_number=numbers, step_waited=times.list.diff())
        .explode("step_number", "step_waited", "matches")
        .unnest("matches")
        .with_columns(waited=(pl.col("time") - pl.col("entered_at")).dt.total_microseconds())
    )


def steps_of(definition: FunnelDefinition) -> pl.LazyFrame:
    """`step_number` from 1 and `step`, in order; in any order the step is a number of steps, whichever these are."""
    names = [step.name for step in definition.steps]
    if definition.mode == "any_order":
        names[1:] = (f"{number} steps" for number in range(2, len(names) + 1))
    return pl.LazyFrame(
        {"step_number": range(1, len(names) + 1), "step": names},
        schema={"step_number": pl.Int32, "step": pl.String},
    )


def by_cell(reached: pl.LazyFrame, definition: FunnelDefinition, cells: pl.LazyFrame) -> pl.LazyFrame:
    """Count and measure what reached each step of each cell.

    Args:
        reached: What `reached_steps` gives, with the columns of `cells`.
        definition: The funnel of all of it.
        cells: A row a cell: columns that tell one from another, none of them null.

    Returns:
        The columns of `cells`, `step_number`, `step` and the measures of `warehouse.funnel_step`: a row a cell and
        step, reached or not, in order. Measures are of mature entries, `reached_immature` counts the others. Both
        rates of the first step are 1; a rate over nothing, and the time of nobody, is null.
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
        # The sum is one of integers: a sum of floats differs with the order of rows.
        "mean": _rate(waited.sum(), waited.count()),
        "p90": waited.quantile(0.9, "linear"),
    }
    for name, measure in measures.items():
        yield (measure / MICROSECONDS).alias(f"{prefix}{name}_seconds")


def _rate(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)
