"""`funnel_entry`: the persons whose events changed, and those whom a product message could reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl

from pipelines.funnel.funnel import funnel, is_mature
from pipelines.funnel.steps import is_product_message, timeline
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas.funnel import FunnelDefinition, fingerprint, fingerprint_of_all
from schemas.lake import FUNNEL_ENTRY

_EVENTS_AT_ONCE: Final = 5_000_000
"""Funnels built anew take the persons in so many parts that each has about so many events: it bounds memory."""

_DEFINITIONS: Final = input_id("definitions")
_WATERMARK: Final = input_id("watermark")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def refresh_funnels(
    lake: Lake, definitions: Sequence[FunnelDefinition], watermark: dt.datetime, settings: int
) -> Refreshed:
    """Recompute the entries of touched persons, and tell of all others whether they are mature by now.

    A funnel that is new or whose definition changed is built anew, and no other; the entries of one that is no longer
    defined go.

    Args:
        lake: holds the fact and what it follows.
        definitions: the funnels, no two of one name.
        watermark: UTC.
        settings: fingerprint of the rules; where it changes, every funnel is built anew.
    """
    handle, sources = lake.open(FUNNEL_ENTRY), Sources.of(lake)
    rules = {
        input_id(SETTINGS): settings,
        _DEFINITIONS: fingerprint_of_all(definitions),
        **{_definition(one): fingerprint(one) for one in definitions},
    }
    reached = (watermark - _EPOCH) // dt.timedelta(microseconds=1)
    seen = {**sources.positions(), **rules, _WATERMARK: reached}
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    stored = handle.scan().collect(engine="streaming")
    is_same = {one.name: _is_same(one, rules, done, stored) for one in definitions}
    kept = [one for one in definitions if is_same[one.name]]
    others = [one for one in definitions if not is_same[one.name]]
    persons = _persons(sources, Changes.since(lake, sources, done)) if kept else pl.Series(dtype=pl.String)
    rows = [
        *(_matured(stored, persons, one, watermark) for one in kept),
        *(_entries(_events_of(sources, persons), kept, watermark) if kept else ()),
        *(_rebuilt(sources, others, watermark) if others else ()),
    ]
    fresh = pl.concat([pl.DataFrame(schema=FUNNEL_ENTRY.schema), *rows])
    return write(lake, handle, fresh, seen, Refreshed(is_changed=False, rows=0, persons=len(persons)))


def entries_watermark(entries: Handle) -> dt.datetime | None:
    """The watermark, UTC, at which the entries are mature or not; none where they were never refreshed."""
    reached = entries.position(_WATERMARK)
    return None if reached is None else _EPOCH + dt.timedelta(microseconds=reached)


def _is_same(
    definition: FunnelDefinition, rules: Mapping[str, int], done: Mapping[str, int | None], stored: pl.DataFrame
) -> bool:
    """Whether the stored entries are those of this definition.

    A note outlives its funnel: one that was taken out and is back has the fingerprint of old, and no entries. Nor has
    one that nobody ever entered; to build that anew when the funnels change costs little.
    """
    if any(done[name] != rules[name] for name in (input_id(SETTINGS), _definition(definition))):
        return False
    return done[_DEFINITIONS] == rules[_DEFINITIONS] or definition.name in stored["funnel"]


def _definition(definition: FunnelDefinition) -> str:
    return input_id(f"definition/{definition.name}")


def _matured(
    stored: pl.DataFrame, persons: pl.Series, definition: FunnelDefinition, watermark: dt.datetime
) -> pl.DataFrame:
    """The entries of untouched persons."""
    untouched = (pl.col("funnel") == definition.name) & ~pl.col("person_id").is_in(persons.implode())
    return stored.filter(untouched).with_columns(
        is_mature(pl.col("entered_at"), definition, watermark).alias("is_mature")
    )


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


def _entries(
    events: pl.LazyFrame, definitions: Sequence[FunnelDefinition], watermark: dt.datetime
) -> Iterator[pl.DataFrame]:
    rows = timeline(events).collect(engine="streaming").lazy()
    for definition in definitions:
        yield funnel(rows, definition, watermark).collect(engine="streaming")


def _rebuilt(
    sources: Sources, definitions: Sequence[FunnelDefinition], watermark: dt.datetime
) -> Iterator[pl.DataFrame]:
    n_events = sources.events.scan().select(pl.len()).collect().item()
    n_parts = max(1, -(-n_events // _EVENTS_AT_ONCE))
    if n_parts == 1:
        yield from _entries(sources.timeline(), definitions, watermark)
        return
    part = pl.col("person_id").hash() % n_parts
    for number in range(n_parts):
        yield from _entries(_and_messages(sources, part == number), definitions, watermark)
