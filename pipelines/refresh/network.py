"""Refresh `group_network`: months of groups with changed messages, or with replies to changed messages."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.calendar import is_complete
from pipelines.groups.network import ANSWERED_WITHIN, group_network
from pipelines.lake import Handle, Lake
from pipelines.lake_months import months_of
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import (
    SETTINGS,
    Refreshed,
    input_id,
    put,
    put_month_by_month,
    recorded_inputs,
    through_input,
    unchanged,
)
from schemas.lake import GROUP_NETWORK

_REACH = ANSWERED_WITHIN + dt.timedelta(days=1)
"""One day more, because a day may have 23 hours."""

_CELL = ["group_id", "month"]


def network_inputs(sources: Sources, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs of `group_network`: positions of events and persons, the last complete day, the settings."""
    return sources.inputs(settings) | through_input(through)


def refresh_group_network(lake: Lake, through: dt.date | None, settings: int) -> Refreshed:
    """Measure the networks that new events or merged persons may have changed.

    A message affects the network of its own month and, by replies to it, that of the month 28 days later; so for a
    month, events of the group from 28 days before it on are read. A new complete day only changes `is_complete`.

    Args:
        lake: The lake with the fact, `events`, `touched`, `identity` and `identity_change`.
        through: Last complete day.
        settings: Fingerprint of the settings that decide which days are complete.
    """
    handle, sources = lake.open(GROUP_NETWORK), Sources.of(lake, GROUP_NETWORK)
    rebuild = rebuild_due(lake, handle)
    seen = network_inputs(sources, through, settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if None in done.values() or rebuild.is_whole or done[input_id(SETTINGS)] != settings:
        return _rebuilt(lake, handle, sources, through, seen)
    cells = _cells(sources, Changes.since(lake, sources, done))
    fresh = _networks(sources, cells, through)
    # The months that became complete since, or incomplete again because a late source came back.
    over = is_complete(pl.col("month"), "month", through)
    stored = handle.scan()
    turned = stored.filter(pl.col("is_complete") != over).join(cells.lazy(), on=_CELL, how="anti").collect()
    named = pl.concat([cells, turned.select(_CELL)]).lazy()
    before = stored.join(named, on=_CELL, how="semi").collect(engine="streaming")
    rows = pl.concat([fresh, turned.with_columns(is_complete=over)])
    is_changed = put(lake, handle, before, stored.join(named, on=_CELL, how="anti"), rows, seen)
    return Refreshed(is_changed, unchanged(handle).rows, groups=cells["group_id"].n_unique())


def _rebuilt(lake: Lake, handle: Handle, sources: Sources, through: dt.date | None, seen: dict[str, int]) -> Refreshed:
    def of_month(month: dt.date) -> pl.DataFrame:
        events = sources.scan().filter(_near(pl.lit(month)))
        return group_network(sources.timeline(events), through).filter(month=month).collect(engine="streaming")

    months = sorted({*months_of(sources.events), *months_of(handle)})
    is_changed = put_month_by_month(lake, handle, months, of_month, seen)
    return Refreshed(is_changed, unchanged(handle).rows)


def _near(month: pl.Expr) -> pl.Expr:
    """Whether an event can affect the network of a month."""
    first, day = month - _REACH, pl.col("day")
    return (pl.col("month") >= first.dt.month_start()) & (day >= first) & (day < month.dt.offset_by("1mo"))


def _cells(sources: Sources, changes: Changes) -> pl.DataFrame:
    """Return groups and months whose network may have changed."""
    of_reassigned = sources.reassigned_events(changes).select("group_id", "day").unique().collect(engine="streaming")
    days = pl.concat([changes.log.select("group_id", "day"), of_reassigned]).drop_nulls()
    # February may lie between the first and the last affected day.
    reached = (pl.col("day"), pl.col("day") + _REACH / 2, pl.col("day") + _REACH)
    return pl.concat([days.select("group_id", month=day.dt.month_start()) for day in reached]).unique()


def _networks(sources: Sources, cells: pl.DataFrame, through: dt.date | None) -> pl.DataFrame:
    """Compute the rows of some groups and months."""
    if cells.is_empty():
        return pl.DataFrame(schema=GROUP_NETWORK.schema)
    in_groups = pl.col("group_id").is_in(cells["group_id"].unique().implode())
    near = pl.any_horizontal(_near(pl.lit(month)) for month in cells["month"].unique())
    events = sources.timeline(sources.scan().filter(in_groups & near))
    rows = group_network(events, through).collect(engine="streaming")
    return rows.join(cells, on=_CELL, how="semi")
