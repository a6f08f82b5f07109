"""Refresh `identity` from the links between accounts, and log every account whose person changes."""

from __future__ import annotations

import polars as pl

from pipelines.events.identity import LINK, apart, changes, identity, links
from pipelines.ingest.event_writer import BATCH, advance_batch
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import BATCH_INPUT
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, input_id, rebuild_positions, record_inputs, recorded_inputs, unchanged
from pipelines.rulings import withdrawn
from schemas import kinds
from schemas.lake import EVENTS, IDENTITY, IDENTITY_CHANGE, IDENTITY_RULING, TOUCHED

_RULINGS_INPUT = input_id(IDENTITY_RULING.name)


def identity_inputs(events: Handle, rulings: Handle) -> dict[str, int]:
    """Return the inputs of `identity`: the newest batch of events, and the rulings."""
    return {BATCH_INPUT: events.position(BATCH) or 0, _RULINGS_INPUT: rulings.content}


def refresh_identity(lake: Lake) -> Refreshed:
    """Merge the persons whom new links connect; resolve all again if a link was removed or there is a new ruling.

    Changes are written to `identity_change` before `identity`: a run that dies in between leaves surplus rows, which
    only cost facts a recomputation.
    """
    handle, events, rulings = lake.open(IDENTITY), lake.open(EVENTS), lake.open(IDENTITY_RULING)
    rebuild = rebuild_due(lake, handle)
    seen = identity_inputs(events, rulings) | rebuild.seen()
    batch = seen[BATCH_INPUT]
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    stored, without = handle.scan().collect(engine="streaming"), withdrawn(rulings.scan())
    change_log = (
        lake.open(TOUCHED).scan().filter(pl.col("batch") > (done[BATCH_INPUT] or 0)).collect(engine="streaming")
    )
    if rebuild.is_whole or done[_RULINGS_INPUT] != rulings.content or change_log["unlinks"].any():
        new, before = links(events.scan(), without), stored
        persons = apart(before)
    else:
        new = links(_new_events(events, change_log.filter("links"), done[BATCH_INPUT] or 0), without)
        persons = before = _concerned(stored, new)
    # With only a new ruling, facts may already include this batch, so the changes get a batch of their own.
    number = batch + 1 if done[BATCH_INPUT] == batch else batch
    after = identity(persons, new, before, number)
    if after.equals(before.sort("account_id")):
        record_inputs(lake, handle, seen)
        return unchanged(handle)
    if number > batch:
        advance_batch(lake, events)
    changed = changes(before, after, number)
    if not changed.is_empty():
        lake.append(lake.open(IDENTITY_CHANGE), changed, {})
    rows = pl.concat([stored.join(before, on="account_id", how="anti"), after])
    lake.replace(handle, rows, {**seen, BATCH_INPUT: number, **rebuild_positions(handle, seen)})
    return Refreshed(is_changed=True, rows=rows.height, persons=after["person_id"].n_unique())


def _new_events(events: Handle, change_log: pl.DataFrame, done: int) -> pl.LazyFrame:
    """Return the links of batches after `done`, reading only months in which the change log has links."""
    months = change_log["day"].dt.month_start().unique()
    is_link = pl.col("type") == kinds.IDENTITY_LINKED
    return events.scan().filter(pl.col("month").is_in(months.implode()) & (pl.col("batch") > done) & is_link)


def _concerned(stored: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return all accounts of the persons that new links connect."""
    ends = pl.concat([new[end].alias("account_id") for end in LINK]).unique()
    persons = stored.filter(pl.col("account_id").is_in(ends.implode()))["person_id"].unique()
    return stored.filter(pl.col("person_id").is_in(persons.implode()))
