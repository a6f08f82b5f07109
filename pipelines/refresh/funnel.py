"""`funnel_entry`: the persons whose events changed, and those whom a product message could reach."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.funnel.funnel import funnel, is_mature
from pipelines.funnel.steps import is_product_message, timeline
from pipelines.lake import Lake
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas.funnel import FunnelDefinition, fingerprint
from schemas.lake import FUNNEL_ENTRY

_EVENTS_AT_ONCE: Final = 5_000_000
"""A funnel built anew takes the persons in so many parts that each has about so many events: it bounds memory."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def refresh_funnel(lake: Lake, definition: FunnelDefinition, watermark: dt.datetime, settings: int) -> Refreshed:
    """Recompute the entries of touched persons, and tell of all others whether they are mature by now.

    Args:
        lake: holds the fact and what it follows.
        definition: the funnel; where it changes, everything is recomputed.
        watermark: UTC.
        settings: fingerprint of the rules, likewise.
    """
    handle, sources = lake.open(FUNNEL_ENTRY), Sources.of(lake)
    rules = {input_id(SETTINGS): settings, input_id("definition"): fingerprint(definition)}
    reached = (watermark - _EPOCH) // dt.timedelta(microseconds=1)
    seen = {**sources.positions(), **rules, input_id("watermark"): reached}
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    stored = handle.scan().collect(engine="streaming")
    if any(done[name] != value for name, value in rules.items()):
        return write(lake, handle, _rebuilt(sources, definition, watermark), stored, seen)
    persons = _persons(sources, Changes.since(lake, sources, done))
    untouched = stored.filter(~pl.col("person_id").is_in(persons.implode()))
    rows = pl.concat(
        [
            untouched.with_columns(is_mature(pl.col("entered_at"), definition, watermark).alias("is_mature")),
            _entries(_events_of(sources, persons), definition, watermark),
        ]
    )
    return write(lake, handle, rows, stored, seen, Refreshed(is_changed=False, rows=0, persons=len(persons)))


def _persons(sources: Sources, changes: Changes) -> pl.Series:
    """Besides those touched: whoever had to do with a group in which a product message came or went."""
    groups = changes.marks.filter("reaches_group")["group_id"].unique()
    if groups.is_empty():
        return changes.persons()
    members = sources.events.scan().filter(pl.col("group_id").is_in(groups.implode())).select("account_id").unique()
    reached = changes.with_persons(members.collect(engine="streaming"))["person_id"]
    return pl.concat([changes.persons(), reached]).unique()


def _events_of(sources: Sources, persons: pl.Series) -> pl.LazyFrame:
    accounts = sources.accounts_of(persons)["account_id"]
    return _and_messages(sources, pl.col("account_id").is_in(accounts.implode()))


def _and_messages(sources: Sources, own: pl.Expr) -> pl.LazyFrame:
    """The events for which `own` holds, and the product messages of all others, as if nobody had sent them."""
    own = own.fill_null(value=False)
    return (
        sources.timeline()
        .filter(own | is_product_message())
        .with_columns(pl.when(own).then("person_id").alias("person_id"))
    )


def _entries(events: pl.LazyFrame, definition: FunnelDefinition, watermark: dt.datetime) -> pl.DataFrame:
    return funnel(timeline(events), definition, watermark).collect(engine="streaming")


def _rebuilt(sources: Sources, definition: FunnelDefinition, watermark: dt.datetime) -> pl.DataFrame:
    n_events = sources.events.scan().select(pl.len()).collect().item()
    n_parts = max(1, -(-n_events // _EVENTS_AT_ONCE))
    if n_parts == 1:
        return _entries(sources.timeline(), definition, watermark)
    part = pl.col("person_id").hash() % n_parts
    return pl.concat(
        _entries(_and_messages(sources, part == number), definition, watermark) for number in range(n_parts)
    )
