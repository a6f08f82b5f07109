"""Facts follow their inputs: recompute what changed, nothing when nothing did, and record what was seen.

A fact's commits carry `input/<name>` application transactions: for whole facts the contents of their inputs, for
facts by day the newest batch of events they include.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.events.identity import with_person
from pipelines.ingest.events import BATCH
from pipelines.lake import Handle, Lake
from schemas.lake import EVENTS, IDENTITY, TOUCHED, LakeTable


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: `days` are the days it recomputed (facts by day only), `rows` the fact's rows now."""

    is_changed: bool
    rows: int
    days: int = 0


def inputs_of(lake: Lake, *tables: LakeTable, **others: int) -> dict[str, int]:
    """The contents of input tables, and other numbers a fact depends on (settings, a definition's fingerprint).

    Taken before the inputs are read: a commit in between is computed and not recorded, and is then computed again.
    """
    return {**{table.name: lake.open(table).content for table in tables}, **others}


def refresh_whole(
    lake: Lake, table: LakeTable, inputs: Mapping[str, int], compute: Callable[[], pl.LazyFrame]
) -> Refreshed:
    """Recompute a fact from scratch if any of its inputs changed since its last commit.

    The contents are replaced only where they differ, so what follows from this fact is not woken for nothing.
    """
    handle = lake.open(table)
    seen = {_input(name): version for name, version in inputs.items()}
    if all(handle.position(name) == version for name, version in seen.items()):
        return Refreshed(is_changed=False, rows=_rows(handle))
    fresh = compute().select(table.schema.names()).sort(table.key).collect(engine="streaming")
    stored = handle.scan().sort(table.key).collect(engine="streaming")
    if fresh.equals(stored, null_equal=True):
        lake.append(handle, fresh.clear(), seen)
        return Refreshed(is_changed=False, rows=fresh.height)
    lake.replace(handle, fresh, seen)
    return Refreshed(is_changed=True, rows=fresh.height)


def refresh_days(
    lake: Lake, table: LakeTable, compute: Callable[[pl.LazyFrame], pl.LazyFrame], settings: int
) -> Refreshed:
    """Recompute exactly the days of a fact that new events or merged persons touched.

    Args:
        lake: holds the fact, `events`, `touched` and `identity`.
        table: a fact with the columns `day` and `month`, partitioned by `month`.
        compute: events with `person_id` -> rows of the fact; each of its days follows from that day's events alone.
        settings: fingerprint of what else the fact depends on; where it changes, every day is recomputed.
    """
    handle, events, people = lake.open(table), lake.open(EVENTS), lake.open(IDENTITY)
    seen = {
        _input(BATCH): events.position(BATCH) or 0,
        _input(IDENTITY.name): _newest_change(people),
        _input("settings"): settings,
    }
    stored = {name: handle.position(name) for name in seen}
    if stored == seen:
        return Refreshed(is_changed=False, rows=_rows(handle))
    if stored[_input("settings")] == settings:
        days = _touched_days(lake, events, people, stored[_input(BATCH)] or 0, stored[_input(IDENTITY.name)] or 0)
    else:
        days = _all_days(events, handle)
    timeline = with_person(events.scan(), people.scan())
    months = days.dt.truncate("1mo").unique()
    fresh = compute(timeline.filter(pl.col("month").is_in(months.implode()) & pl.col("day").is_in(days.implode())))
    kept = handle.scan().filter(pl.col("month").is_in(months.implode()) & ~pl.col("day").is_in(days.implode()))
    names = table.schema.names()
    rows = pl.concat([kept.select(names), fresh.select(names)]).collect(engine="streaming")
    lake.replace_months(handle, rows, months, seen)
    return Refreshed(is_changed=not days.is_empty(), rows=_rows(handle), days=len(days))


def has_simulated(lake: Lake) -> bool:
    """True when any event comes from the simulator, whose sources begin with `simulator/`."""
    sources = lake.open(EVENTS).scan().select("source")
    return sources.filter(pl.col("source").str.starts_with("simulator/")).head(1).collect().height > 0


def _touched_days(lake: Lake, events: Handle, people: Handle, done_events: int, done_people: int) -> pl.Series:
    by_events = lake.open(TOUCHED).scan().filter(pl.col("batch") > done_events).select("day")
    changed = people.scan().filter(pl.col("batch") > done_people).select("account_id")
    by_people = events.scan().join(changed, on="account_id", how="semi").select("day")
    return pl.concat([by_events, by_people]).unique().sort("day").collect(engine="streaming")["day"]


def _all_days(events: Handle, fact: Handle) -> pl.Series:
    """The days of both: a day may have lost its events. Marks in `touched` are forgotten one day, so not from there."""
    days = pl.concat([events.scan().select("day"), fact.scan().select("day")])
    return days.unique().sort("day").collect(engine="streaming")["day"]


def _newest_change(people: Handle) -> int:
    """The batch that last changed any person. Identity can lag behind events, so a fact notes how far it saw each."""
    return people.scan().select(pl.col("batch").max()).collect().item() or 0


def _rows(handle: Handle) -> int:
    return handle.scan().select(pl.len()).collect().item()


def _input(name: str) -> str:
    return f"input/{name}"
