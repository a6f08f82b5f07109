"""Refresh `first_seen` from `person_day`: only changed persons, from their first changed day on."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.first_seen import first_seen
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import BATCH_INPUT, IDENTITY_INPUT, Changes, Sources, included
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, put, recorded_inputs, unchanged, write
from schemas.lake import FIRST_SEEN, PERSON_DAY


def refresh_first_seen(lake: Lake) -> Refreshed:
    """Recompute the first days of persons for whom `person_day` includes changes that this fact does not.

    Activity before a person's first changed day is unaffected. The commits of `person_day` record what it includes.
    Newer rows of the change log cost a recomputation, never a wrong number.
    """
    handle, days = lake.open(FIRST_SEEN), lake.open(PERSON_DAY)
    rebuild = rebuild_due(lake, handle)
    seen = included(days) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if None in done.values() or rebuild.is_whole:
        return write(lake, handle, first_seen(days.scan()).collect(engine="streaming"), seen)
    # For reassigned accounts, any day may differ.
    persons = (
        Changes.since(lake, Sources.of(lake), done).persons_since().with_columns(pl.col("since").fill_null(dt.date.min))
    )
    stored = handle.scan().collect(engine="streaming").join(persons, on="person_id", how="left")
    may_differ = (pl.col("first_day") >= pl.col("since")).fill_null(value=False)
    before, kept = stored.filter(may_differ), stored.filter(~may_differ)
    earliest = pl.lit(persons["since"].min(), pl.Date)
    changed = (
        days.scan()
        .filter(pl.col("month") >= earliest.dt.month_start(), pl.col("person_id").is_in(persons["person_id"].implode()))
        .join(persons.lazy(), on="person_id")
        .filter(pl.col("day") >= pl.col("since"))
    )
    fresh = first_seen(changed).join(kept.lazy(), on=FIRST_SEEN.key, how="anti")
    rows = fresh.collect(engine="streaming")
    is_changed = put(lake, handle, before, kept.lazy().drop("since"), rows, seen)
    return Refreshed(is_changed, unchanged(handle).rows, persons=persons.height)


def known_first_seen(lake: Lake, sources: Sources) -> pl.LazyFrame | None:
    """Return the rows of `first_seen`; None if it does not include the current events or persons."""
    firsts = lake.open(FIRST_SEEN)
    wanted = {name: number for name, number in sources.positions().items() if name in (BATCH_INPUT, IDENTITY_INPUT)}
    return firsts.scan() if recorded_inputs(firsts, wanted) == wanted else None


def first_days(lake: Lake, days: Handle) -> pl.LazyFrame:
    """Return `first_seen` for this exact version of `person_day`; computed if the stored rows are outdated."""
    firsts, wanted = lake.open(FIRST_SEEN), included(days)
    return firsts.scan() if recorded_inputs(firsts, wanted) == wanted else first_seen(days.scan())
