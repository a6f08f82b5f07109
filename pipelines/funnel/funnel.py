"""Entries of a funnel, each with the events that matched, and whether its window is over.

See docs/definitions.md#funnel.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.funnel.chains import Chains, find_chains
from pipelines.funnel.predicates import predicates
from pipelines.time import Interval
from schemas.funnel import FunnelDefinition
from schemas.lake import FUNNEL_ENTRY, UTC_TIME

_MATCHED = ("source", "event_id", "group_id")
"""Columns of matched events in entries, beside step and time."""


def funnel(
    timeline: pl.LazyFrame,
    definition: FunnelDefinition,
    watermark: dt.datetime,
    entered: Interval | None = None,
) -> pl.LazyFrame:
    """Find the best chain of each person or entry: the longest, among equals the one starting last.

    >>> import datetime as dt
    >>> import polars as pl
    >>> from pipelines.funnel import funnel
    >>> from pipelines.funnel.steps import TIMELINE
    >>> from schemas.funnel import parse
    >>> paid = parse('''
    ... name: paid
    ... mode: sequential
    ... count: persons
    ... window: 7d
    ... steps:
    ...   - {name: clicked, when: type = 'link.clicked'}
    ...   - {name: paid, when: type = 'order.paid'}
    ... ''', "an example")
    >>> midnight = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    >>> events = [("ann", 1, "link.clicked"), ("ann", 2, "order.paid"), ("bob", 3, "link.clicked")]
    >>> rows = [
    ...     {"person_id": person, "time": midnight.replace(day=day), "type": kind, "offset": day}
    ...     for person, day, kind in events
    ... ]
    >>> entries = funnel(pl.LazyFrame(rows, schema=TIMELINE), paid, midnight.replace(day=9))
    >>> entries.select("person_id", "steps_reached", "is_mature").collect().rows()
    [('ann', 2, True), ('bob', 1, False)]

    Args:
        timeline: Rows of `pipelines.funnel.steps.TIMELINE`, in any order. Sorted by person and ordering key, they are
            read in parts and not sorted again.
        definition: The steps, the window, the mode and what is counted.
        watermark: UTC; entries whose window is not over by then are not mature.
        entered: Only entries that start in this interval; later steps within their window count anywhere.

    Returns:
        `schemas.lake.FUNNEL_ENTRY`: a row per person who reached the first step, or a row per entry. `matches` has the
        matched events in order.

    Raises:
        FunnelDefinitionError: The definition does not fit the timeline.
    """
    predicates(definition)
    return pl.defer(
        lambda: pl.concat(
            [
                pl.DataFrame(schema=FUNNEL_ENTRY.schema),
                *find_chains(
                    timeline,
                    definition,
                    entered,
                    lambda chains: _entries(chains, definition, watermark),
                    _MATCHED,
                ),
            ]
        ),
        schema=FUNNEL_ENTRY.schema,
    )


def matched_steps(
    timeline: pl.LazyFrame,
    definition: FunnelDefinition,
    watermark: dt.datetime,
    entered: Interval | None = None,
    *,
    is_stored: bool = False,
) -> pl.LazyFrame:
    """Return the matches of `funnel(...)` without persons and events, for sums over many entries.

    With `is_stored`, the timeline comes from files and fewer of its columns are read; the result is the same.

    Returns:
        `entered_at`, `step_number` from 1, `time`, `is_mature`; a row per entry and step reached.
    """
    schema = {"entered_at": UTC_TIME, "step_number": pl.Int32, "time": UTC_TIME}
    predicates(definition)
    return pl.defer(
        lambda: pl.concat(
            [
                pl.DataFrame(schema=schema),
                *find_chains(timeline, definition, entered, _matched_steps, is_stored=is_stored),
            ]
        ),
        schema=schema,
    ).with_columns(is_mature=is_mature(pl.col("entered_at"), definition, watermark))


def is_mature(entered_at: pl.Expr, definition: FunnelDefinition, watermark: dt.datetime) -> pl.Expr:
    """Return whether the window of an entry is over at the watermark."""
    return entered_at + definition.window <= watermark


def _entries(chains: Chains, definition: FunnelDefinition, watermark: dt.datetime) -> pl.DataFrame:
    chain, place = chains.places
    names = pl.Series("step", [step.name for step in definition.steps], pl.String)
    matches = (
        chains.rows.select(*_MATCHED, "time")[chains.matched[chain, place]]
        .insert_column(0, names.gather(chains.steps[chain, place]))
        .select(pl.Series("chain", chain), pl.struct("step", "source", "event_id", "time", "group_id").alias("match"))
        .group_by("chain", maintain_order=True)
        .agg(pl.col("match").alias("matches"))
    )
    counts_entries = definition.count == "entries"
    return pl.select(
        pl.lit(definition.name).alias("funnel"),
        chains.person_id.alias("person_id"),
        pl.Series(chains.number).alias("entry"),
        chains.entered_at.alias("entered_at"),
        chains.reached.alias("steps_reached"),
        is_mature(pl.lit(chains.entered_at), definition, watermark).alias("is_mature"),
        pl.lit(None if counts_entries else chains.restarted_at, UTC_TIME).alias("restarted_at"),
        matches["matches"],
    )


def _matched_steps(chains: Chains) -> pl.DataFrame:
    chain, place = chains.places
    return pl.DataFrame(
        {
            "entered_at": chains.entered_at.gather(chain),
            "step_number": pl.Series(place + 1, dtype=pl.Int32),
            "time": chains.rows["time"].gather(chains.matched[chain, place]),
        }
    )
