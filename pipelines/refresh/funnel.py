"""Refresh `funnel_entry`: the persons whose entries can differ, computed from all their events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl

from pipelines.funnel.funnel import funnel, is_mature
from pipelines.funnel.predicates import columns
from pipelines.funnel.steps import ONLY_MATCHED_ON, TIMELINE, is_product_message, timeline
from pipelines.lake import Handle, Lake
from pipelines.refresh.affected import affected_persons
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, put, recorded, recorded_inputs, unchanged
from schemas.funnel import FunnelDefinition, fingerprint, fingerprint_of_all
from schemas.lake import FUNNEL_ENTRY

_EVENTS_AT_ONCE: Final = 2_000_000
"""A full rebuild of funnels processes persons in parts of about this many events, which bounds memory."""

_DEFINITIONS: Final = input_id("definitions")
WATERMARK: Final = "watermark"
"""The input name of the watermark, in microseconds since 1970, that decides whether entries are mature."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def funnel_inputs(
    sources: Sources, definitions: Sequence[FunnelDefinition], watermark: dt.datetime, settings: int
) -> dict[str, int]:
    """Return the inputs of `funnel_entry`: its sources, each definition and all together, watermark and settings."""
    return {
        **sources.inputs(settings),
        _DEFINITIONS: fingerprint_of_all(definitions),
        **{_definition(one): fingerprint(one) for one in definitions},
        input_id(WATERMARK): (watermark - _EPOCH) // dt.timedelta(microseconds=1),
    }


def refresh_funnels(
    lake: Lake, definitions: Sequence[FunnelDefinition], watermark: dt.datetime, settings: int
) -> Refreshed:
    """Recompute the entries of persons whose entries can differ, and update the maturity of all others.

    Only funnels that are new or whose definition changed are rebuilt from scratch; entries of removed funnels are
    deleted.

    Args:
        lake: The lake with the fact and its inputs.
        definitions: The funnels, with unique names.
        watermark: UTC.
        settings: Fingerprint of the settings that decide the watermark; a change rebuilds every funnel.
    """
    handle, sources = lake.open(FUNNEL_ENTRY), Sources.of(lake, FUNNEL_ENTRY)
    rebuild = rebuild_due(lake, handle)
    seen = funnel_inputs(sources, definitions, watermark, settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    stored = handle.scan().collect(engine="streaming")
    is_same = {one.name: not rebuild.is_whole and _is_same(one, seen, done, stored) for one in definitions}
    kept = [one for one in definitions if is_same[one.name]]
    others = [one for one in definitions if not is_same[one.name]]
    persons, rows = _renewed(lake, sources, Changes.since(lake, sources, done), kept, stored, watermark)
    matures = _is_mature(kept, watermark)
    untouched = pl.col("funnel").is_in([one.name for one in kept]) & ~pl.col("person_id").is_in(persons.implode())
    stays = untouched & (matures == pl.col("is_mature"))
    matured = stored.filter(untouched & ~stays).with_columns(is_mature=matures)
    fresh = pl.concat([matured, *rows, *(_rebuilt(sources, others, watermark) if others else ())])
    is_changed = put(lake, handle, stored.filter(~stays), stored.lazy().filter(stays), fresh, seen)
    return Refreshed(is_changed, unchanged(handle).rows, persons=len(persons))


def entries_watermark(entries: Handle) -> dt.datetime | None:
    """Return the watermark, UTC, that decides which entries are mature; None if they were never refreshed."""
    reached = recorded(entries, WATERMARK)
    return None if reached is None else _EPOCH + dt.timedelta(microseconds=reached)


def _is_same(
    definition: FunnelDefinition, seen: Mapping[str, int], done: Mapping[str, int | None], stored: pl.DataFrame
) -> bool:
    """Whether the stored entries belong to this definition.

    The recorded fingerprint outlives a removed funnel: once restored, it has the old fingerprint and no entries. A
    funnel that nobody entered looks the same; rebuilding it when the funnels change costs little.
    """
    if any(done[name] != seen[name] for name in (input_id(SETTINGS), _definition(definition))):
        return False
    return done[_DEFINITIONS] == seen[_DEFINITIONS] or definition.name in stored["funnel"]


def _definition(definition: FunnelDefinition) -> str:
    return input_id(f"definition/{definition.name}")


def _is_mature(definitions: Sequence[FunnelDefinition], watermark: dt.datetime) -> pl.Expr:
    """Return whether stored entries are mature now; null for entries of other funnels."""
    return pl.coalesce(
        pl.lit(None, pl.Boolean),
        *(
            pl.when(pl.col("funnel") == one.name).then(is_mature(pl.col("entered_at"), one, watermark))
            for one in definitions
        ),
    )


def _renewed(
    lake: Lake,
    sources: Sources,
    changes: Changes,
    definitions: Sequence[FunnelDefinition],
    stored: pl.DataFrame,
    watermark: dt.datetime,
) -> tuple[pl.Series, list[pl.DataFrame]]:
    """Return the persons whose entries are recomputed, and these entries."""
    if not definitions:
        return pl.Series(dtype=pl.String), []
    found = affected_persons(lake, sources, changes, definitions, stored)
    changed = found.filter("is_changed")["person_id"]
    groups = changes.log.filter("reaches_group")["group_id"].unique()
    is_reached = pl.col("group_id").is_in(groups.implode()).any().over("person_id")
    matters = pl.col("person_id").is_null() | pl.col("person_id").is_in(changed.implode()) | is_reached
    events = _events_of(sources, found["person_id"]).filter(matters)
    rows = timeline(_needed(events, definitions)).collect(engine="streaming")
    persons = pl.concat([changed, rows["person_id"]]).unique()
    return persons, [funnel(rows.lazy(), one, watermark).collect(engine="streaming") for one in definitions]


def _events_of(sources: Sources, persons: pl.Series) -> pl.LazyFrame:
    accounts = sources.accounts_of(persons)["account_id"]
    return _and_messages(sources, pl.col("account_id").is_in(accounts.implode()))


def _and_messages(sources: Sources, own: pl.Expr) -> pl.LazyFrame:
    """Return the events that meet `own`, and product messages of all others without sender."""
    own = own.fill_null(value=False)
    return (
        sources.timeline()
        .filter(own | is_product_message())
        .with_columns(pl.when(own).then("person_id").alias("person_id"))
    )


def _needed(events: pl.LazyFrame, definitions: Sequence[FunnelDefinition]) -> pl.LazyFrame:
    """Drop columns that no predicate uses, so that they are not read."""
    idle = ONLY_MATCHED_ON - columns(definitions)
    return events.with_columns(pl.lit(None, TIMELINE[name]).alias(name) for name in sorted(idle))


def _rebuilt(
    sources: Sources, definitions: Sequence[FunnelDefinition], watermark: dt.datetime
) -> Iterator[pl.DataFrame]:
    n_parts = sources.n_parts(_EVENTS_AT_ONCE)
    part = pl.col("person_id").hash() % n_parts
    for number in range(n_parts):
        events = _and_messages(sources, part == number)
        rows = timeline(_needed(events, definitions)).collect(engine="streaming").lazy()
        for definition in definitions:
            yield funnel(rows, definition, watermark).collect(engine="streaming")
