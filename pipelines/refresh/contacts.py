"""Refresh `contact`: groups that come to need somebody or recover, and groups in need in which anything changed."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.connections import connecting_from, exchanges
from pipelines.frames import in_one_only
from pipelines.groups.contacts import ILL, before_fall, contacts
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources, changed_groups, included
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import as_read, changed_since, rows_read, version_read
from pipelines.refresh.written import (
    Refreshed,
    in_groups,
    input_id,
    recorded_inputs,
    rows_version,
    unchanged,
    write_groups,
)
from schemas.lake import CONTACT, GROUP_STATE, ORDER_CREDIT, PERSON_DAY

_ORDER: Final = ("group_id", "person_id", "shop", "order_id")


def contact_inputs(lake: Lake) -> dict[str, int]:
    """Return the inputs of `contact`: positions of `person_day`, states of groups and credited orders."""
    of_rows = {input_id(table.name): rows_version(lake.open(table)) for table in (GROUP_STATE, ORDER_CREDIT)}
    return included(lake.open(PERSON_DAY)) | of_rows


def refresh_contacts(lake: Lake) -> Refreshed:
    """Recompute groups whose need began or ended, and groups in need with new events or orders."""
    handle = lake.open(CONTACT)
    rebuild = rebuild_due(lake, handle)
    seen = contact_inputs(lake) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    states, orders, sources = lake.open(GROUP_STATE), lake.open(ORDER_CREDIT), Sources.of(lake)
    falls = _falls(states.scan()).collect(engine="streaming")
    groups = None
    if None not in done.values() and not rebuild.is_whole:
        changed = changed_groups(sources, Changes.since(lake, sources, done), dt.date.max)["group_id"]
        groups = _changed_groups(lake, handle, states, orders, falls, changed)
    ill = falls.filter(in_groups(groups))
    of_ill = in_groups(ill["group_id"])
    fresh = contacts(
        lake.open(PERSON_DAY).scan().filter(of_ill), _exchanged(sources, ill), orders.scan().filter(of_ill), ill
    )
    return write_groups(lake, handle, fresh, {**seen, **version_read(states), **version_read(orders)}, groups)


def _falls(states: pl.LazyFrame) -> pl.LazyFrame:
    """Return the groups in need now, and since when."""
    return states.filter(pl.col("is_current") & pl.col("state").is_in(ILL)).select("group_id", "since")


def _exchanged(sources: Sources, falls: pl.DataFrame) -> pl.LazyFrame:
    """Return the exchanges in the window of each group in need, reading only the months concerned."""
    ends = falls.select("group_id", end=before_fall(pl.col("since")))
    first, last = ends["end"].min(), ends["end"].max()
    events = sources.events.scan()
    if not isinstance(first, dt.date):
        return exchanges(events.clear(), sources.people.lazy(), None)
    months = pl.col("month").is_between(connecting_from(first).dt.month_start(), pl.lit(last, pl.Date))
    near = events.filter(months & pl.col("group_id").is_in(ends["group_id"].implode()))
    return exchanges(near.join(ends.lazy(), on="group_id"), sources.people.lazy(), pl.col("end"))


def _changed_groups(
    lake: Lake, fact: Handle, states: Handle, orders: Handle, falls: pl.DataFrame, changed: pl.Series
) -> pl.Series | None:
    """Return the groups to recompute; None: all, as the versions of states or credit read last are unavailable."""
    before = as_read(lake, fact, states)
    was = None if before is None else rows_read(before, _falls)
    credits = changed_since(lake, fact, orders)
    if was is None or credits is None:
        return None
    of_groups = (rows.select(_ORDER).drop_nulls("group_id").unique() for rows in (credits.gone, credits.come))
    others = (in_one_only(was, falls), in_one_only(*of_groups))
    return pl.concat([changed, *(rows["group_id"] for rows in others)]).unique()
