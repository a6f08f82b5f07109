"""What the warehouse shows of a funnel's entries: the summary, and the drill-down that counts the same (section 4)."""

from __future__ import annotations

import polars as pl

from schemas.funnel import FunnelDefinition

_ENTRY = ("funnel", "person_id", "entry", "entered_at")


def entry_rows(entries: pl.LazyFrame) -> pl.LazyFrame:
    """Entries in the columns of `warehouse.funnel_entry`."""
    return entries.select(*_ENTRY, "steps_reached", "is_mature")


def matches(entries: pl.LazyFrame) -> pl.LazyFrame:
    """One row an entry and step reached, in the columns of `warehouse.funnel_match`; steps count from 1."""
    return _matched(entries).select(*_ENTRY, "step_number", "step", "source", "event_id", "time")


def summary(entries: pl.LazyFrame, definition: FunnelDefinition) -> pl.LazyFrame:
    """One row a step, reached or not, in order and in the columns of `warehouse.funnel_step`.

    Counts, rates and times are of mature entries; immature ones are counted apart. Both rates of the first step are 1.
    A rate over nothing, and the median time of nobody, is null. In any order, a row is a number of steps, whichever
    these are.
    """
    return summary_of_matches(_matched(entries.filter(pl.col("funnel") == definition.name)), definition)


def summary_of_matches(matches: pl.LazyFrame, definition: FunnelDefinition) -> pl.LazyFrame:
    """The summary from `funnel.matched_steps`, which takes less time and memory than entries with their events do."""
    names = [step.name for step in definition.steps]
    if definition.mode == "any_order":
        names[1:] = (f"{number} steps" for number in range(2, len(names) + 1))
    steps = pl.LazyFrame(
        {"step_number": range(1, len(names) + 1), "step": names},
        schema={"step_number": pl.Int32, "step": pl.String},
    )
    mature = pl.col("is_mature")
    seconds = (pl.col("time") - pl.col("entered_at")).dt.total_microseconds() / 1_000_000
    by_step = matches.group_by("step_number").agg(
        mature.sum().cast(pl.Int64).alias("reached"),
        (~mature).sum().cast(pl.Int64).alias("reached_immature"),
        seconds.filter(mature).median().alias("median_seconds"),
    )
    counts = pl.col("reached", "reached_immature").fill_null(0)
    reached = pl.col("reached")
    return (
        steps.join(by_step, on="step_number", how="left", maintain_order="left")
        .with_columns(counts)
        .with_columns(
            _rate(reached, reached.first()).alias("rate_overall"),
            _rate(reached, reached.shift(1).fill_null(reached)).alias("rate_step"),
        )
        .select(
            pl.lit(definition.name).alias("funnel"),
            "step_number",
            "step",
            "reached",
            "reached_immature",
            "rate_overall",
            "rate_step",
            "median_seconds",
        )
    )


def _matched(entries: pl.LazyFrame) -> pl.LazyFrame:
    # A chain is never empty: its n-th match reaches n steps.
    return (
        entries.select(
            *_ENTRY,
            "is_mature",
            pl.int_ranges(1, pl.col("matches").list.len().cast(pl.Int32) + 1, dtype=pl.Int32).alias("step_number"),
            "matches",
        )
        .explode("step_number", "matches")
        .unnest("matches")
    )


def _rate(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)
