"""`contact`: the groups that fall ill or recover, and those of the ill ones in which anything changed."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.connections import connecting_from, exchanges
from pipelines.frames import in_one_only
from pipelines.groups.contacts import ILL, before_fall, contacts
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources, included, touched_since
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import as_read, changed_since, rows_read, version_read
from pipelines.refresh.written import Refreshed, in_groups, input_id, noted, rows_version, unchanged, write_groups
from schemas.lake import CONTACT, GROUP_STATE, ORDER_CREDIT, PERSON_DAY

_ORDER: Final = ("group_id", "person_id", "shop", "order_id")


def contact_inputs(lake: Lake) -> dict[str, int]:
    """What `contact` records: what `person_day` includes, the states of groups, and what is credited to them."""
    of_rows = {input_id(table.name): rows_version(lake.open(table)) for table in (GROUP_STATE, ORDER_CREDIT)}
    return included(lake.open(PERSON_DAY)) | of_rows


def refresh_contacts(lake: Lake) -> Refreshed:
    """Recompute the groups that are ill since another day, or are no more, and ill ones with new events or orders."""
    handle = lake.open(CONTACT)
    rebuild = rebuild_due(lake, handle)
    seen = contact_inputs(lake) | rebuild.seen()
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    states, orders, sources = lake.open(GROUP_STATE), lake.open(ORDER_CREDIT), Sources.of(lake)
    falls = _falls(states.scan()).collect(engine="streaming")
    touched = None
    if None not in done.values() and not rebuild.is_whole:
        changed = touched_since(sources, Changes.since(lake, sources, done), dt.date.max)["group_id"]
        touched = _touched(lake, handle, states, orders, falls, changed)
    ill = falls.filter(in_groups(touched))
    of_ill = in_groups(ill["group_id"])
    fresh = contacts(
        lake.open(PERSON_DAY).scan().filter(of_ill), _exchanged(sources, ill), orders.scan().filter(of_ill), ill
    )
    return write_groups(lake, handle, fresh, {**seen, **version_read(states), **version_read(orders)}, touched)


def _falls(states: pl.LazyFrame) -> pl.LazyFrame:
    """The groups that are ill now, and since when."""
    return states.filter(pl.col("is_current") & pl.col("state").is_in(ILL)).select("group_id", "since")


def _exchanged(sources: Sources, falls: pl.DataFrame) -> pl.LazyFrame:
    """What was exchanged in each group before its fall, of the months that matter."""
    ends = falls.select("group_id", end=before_fall(pl.col("since")))
    first, last = ends["end"].min(), ends["end"].max()
    events = sources.events.scan()
    if not isinstance(first, dt.date):
        return exchanges(events.clear(), sources.people.lazy(), None)
    months = pl.col("month").is_between(connecting_from(first).dt.month_start(), pl.lit(last, pl.Date))
    near = events.filter(months & pl.col("group_id").is_in(ends["group_id"].implode()))
    return exchanges(near.join(ends.lazy(), on="group_id"), sources.people.lazy(), pl.col("end"))


def _touched(
    lake: Lake, fact: Handle, states: Handle, orders: Handle, falls: pl.DataFrame, changed: pl.Series
) -> pl.Series | None:
    """The groups to recompute; None: all, as it is not known any more which states or credits were read."""
    before = as_read(lake, fact, states)
    was = None if before is None else rows_read(before, _falls)
    credits = changed_since(lake, fact, orders, lambda rows: rows.select(_ORDER).drop_nulls("group_id").unique())
    if was is None or credits is None:
        return None
    moved = (in_one_only(was, falls), in_one_only(*credits))
    return pl.concat([changed, *(rows["group_id"] for rows in moved)]).unique()
