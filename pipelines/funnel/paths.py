"""Paths: the most frequent sequences of events between two steps of a funnel, or after one.

See docs/definitions.md#funnel.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.errors import EmberlineError
from schemas.funnel import FunnelDefinition
from schemas.lake import ORDERING_KEY

PATHS: Final = pl.Schema(
    {
        "rank": pl.UInt32,
        "path": pl.List(pl.String),
        "is_cut": pl.Boolean,
        "persons": pl.UInt32,
        "entries": pl.UInt32,
    }
)
"""A row per path, the most frequent first. A last row, with null path and `is_cut`, has the sums of all other paths."""

_ENTRY: Final = ("person_id", "entered_at")


class NoSuchStep(EmberlineError):
    """A funnel has no step of this name."""


def paths(
    timeline: pl.LazyFrame,
    entries: pl.LazyFrame,
    definition: FunnelDefinition,
    after: str,
    before: str | None = None,
    *,
    by: str = "type",
    collapse: bool = True,
    max_length: int = 10,
    top: int = 20,
) -> pl.LazyFrame:
    """Count the sequences of own events after a matched step of each entry.

    The events are strictly between the two matched events in the ordering key, and at most the funnel's window after
    the first. Exposures are left out, since the timeline has only some of them, as are events without the property.
    Entries that did not reach both steps are not counted; an entry without events in between has the empty path.

    Args:
        timeline: Rows of `pipelines.funnel.steps.TIMELINE`, in any order.
        entries: `schemas.lake.FUNNEL_ENTRY` of the funnel.
        definition: The funnel.
        after: Name of the step after which paths begin.
        before: Name of the step before which they end; None: at the end of the window.
        by: A text column of the timeline that names an event.
        collapse: Whether to count consecutive equal names once.
        max_length: Most names kept of a path; a longer one `is_cut`.
        top: Most paths with a row of their own.

    Returns:
        `PATHS`. Entries sum to those that reached the steps. Equal counts are ordered by path; a person with several
        entries counts in each path once, so persons do not sum.

    Raises:
        NoSuchStep: The funnel has no step of that name.

    Examples:
        >>> import datetime as dt, polars as pl
        >>> from pipelines.funnel.paths import paths
        >>> from pipelines.funnel.steps import TIMELINE
        >>> from schemas.funnel import FunnelDefinition, Step
        >>> from schemas.lake import FUNNEL_ENTRY
        >>> def at(hour):
        ...     return dt.datetime(2025, 3, 3, hour, tzinfo=dt.UTC)
        >>> happened = ["member.joined", "product.viewed", "product.viewed", "cart.added", "order.paid"]
        >>> events = [
        ...     {"person_id": "ann", "source": "shop", "event_id": str(n), "type": kind, "time": at(n)}
        ...     for n, kind in enumerate(happened)
        ... ]
        >>> matches = [
        ...     {"step": step, "source": "shop", "event_id": str(n), "time": at(n), "group_id": "qq:1"}
        ...     for step, n in [("joined", 0), ("paid", 4)]
        ... ]
        >>> entry = {"funnel": "sample", "person_id": "ann", "entered_at": at(0), "matches": matches}
        >>> steps = (Step("joined", "type = 'member.joined'"), Step("paid", "type = 'order.paid'"))
        >>> paid = FunnelDefinition(
        ...     "paid", "", mode="sequential", count="persons", window=dt.timedelta(days=1), steps=steps
        ... )
        >>> found = paths(
        ...     pl.DataFrame(events).match_to_schema(TIMELINE, missing_columns="insert").lazy(),
        ...     pl.DataFrame([entry]).match_to_schema(FUNNEL_ENTRY.schema, missing_columns="insert").lazy(),
        ...     paid,
        ...     "joined",
        ...     "paid",
        ... )
        >>> found.collect().rows()
        [(1, ['product.viewed', 'cart.added'], False, 1, 1)]
    """
    names_of_steps = [step.name for step in definition.steps]
    for name in (after, before):
        if name is not None and name not in names_of_steps:
            raise NoSuchStep(f"Funnel {definition.name} has no step '{name}'.", f"Steps: {', '.join(names_of_steps)}.")
    placed = (
        timeline.select("person_id", *ORDERING_KEY, "source", "event_id", "type", name=by)
        .sort("person_id", *ORDERING_KEY)
        .with_row_index("rank")
    )
    matched = entries.select(*_ENTRY, match="matches").explode("match").unnest("match").drop("time")
    matched = matched.join(placed, on=("person_id", "source", "event_id")).select(*_ENTRY, "step", "rank", "time")
    begun = matched.filter(pl.col("step") == after).select(*_ENTRY, begin="rank", begin_time="time")
    if before is None:
        spans = begun.with_columns(end=pl.lit(None, pl.UInt32))
    else:
        ended = matched.filter(pl.col("step") == before).select(*_ENTRY, end="rank")
        spans = begun.join(ended, on=_ENTRY)
    own = placed.filter(pl.col("type").is_not_null() & pl.col("name").is_not_null())
    is_between = (pl.col("rank") > pl.col("begin")) & (pl.col("rank") < pl.col("end")).fill_null(value=True)
    names = (
        spans.join(own, on="person_id")
        .filter(is_between & (pl.col("time") <= pl.col("begin_time") + definition.window))
        .sort(*_ENTRY, "rank")
    )
    if collapse:
        names = names.filter(pl.col("name").ne_missing(pl.col("name").shift(1).over(_ENTRY)))
    found = names.group_by(_ENTRY).agg(path=pl.col("name").head(max_length), is_cut=pl.len() > max_length)
    walked = (
        spans.select(_ENTRY)
        .join(found, on=_ENTRY, how="left")
        .with_columns(pl.col("path").fill_null(pl.lit([], pl.List(pl.String))), pl.col("is_cut").fill_null(value=False))
    )
    return _ranked(walked, top)


def _ranked(walked: pl.LazyFrame, top: int) -> pl.LazyFrame:
    is_other = pl.col("rank") > top
    return (
        walked.group_by("path", "is_cut")
        .agg(person="person_id", entries=pl.len())
        .sort(-pl.col("entries").cast(pl.Int64), "path", "is_cut")
        .with_row_index("rank", offset=1)
        .with_columns(pl.min_horizontal("rank", top + 1))
        .group_by("rank")
        .agg(
            path=pl.when(~is_other.first()).then(pl.col("path").first()),
            is_cut=pl.when(~is_other.first()).then(pl.col("is_cut").first()),
            persons=pl.col("person").list.explode().n_unique(),
            entries=pl.col("entries").sum(),
        )
        .sort("rank")
        .cast(PATHS)
    )
