"""Refresh facts by day (`person_day`, `group_day`): only the changed days of changed persons or groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from pipelines.lake import Handle, Lake
from pipelines.lake_months import months_of
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, put, put_month_by_month, recorded_inputs, unchanged
from schemas.lake import LakeTable

Compute = Callable[[pl.LazyFrame], pl.LazyFrame]


def refresh_days(lake: Lake, table: LakeTable, compute: Compute, settings: int | None = None) -> Refreshed:
    """Recompute exactly the cells (a person or group on a day) that new events or merged persons change.

    Args:
        lake: The lake with the fact, `events`, `touched`, `identity`, `identity_change` and, if the fact reads it,
            `member_change`.
        table: A fact with `person_id` or else `group_id`, `day` and `month`, partitioned by `month`.
        compute: Events with `person_id` -> rows of the fact; each row depends only on the events of its day and person,
            or of its day and group.
        settings: Fingerprint of the settings, if the fact depends on any.
    """
    handle, sources = lake.open(table), Sources.of(lake, table)
    rebuild = rebuild_due(lake, handle)
    seen = (sources.positions() if settings is None else sources.inputs(settings)) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if settings is not None and done[input_id(SETTINGS)] != settings:
        done = dict.fromkeys(done)
    if None in done.values() or rebuild.is_whole:
        return _rebuild(lake, handle, sources, compute, seen)
    changes = Changes.since(lake, sources, done)
    if "person_id" in table.schema:
        cells = _with_all_since(rebuild.since, _person_days(sources, changes), handle, sources.timeline())
        events = _events_of_persons(sources, cells)
    else:
        cells = _with_all_since(rebuild.since, _group_days(sources, changes), handle, sources.scan())
        events = _events_of_groups(sources, cells)
    return _splice(lake, handle, cells, compute(sources.timeline(events)), seen)


def _rebuild(lake: Lake, handle: Handle, sources: Sources, compute: Compute, seen: dict[str, int]) -> Refreshed:
    # A day may have lost all its events.
    days = set(handle.scan().select("day").unique().collect(engine="streaming")["day"])
    events, months = sources.scan(), sorted({*months_of(sources.events), *months_of(handle)})

    def of_month(month: dt.date) -> pl.DataFrame:
        rows = compute(sources.timeline(events.filter(pl.col("month") == month))).collect(engine="streaming")
        days.update(rows["day"].unique())
        return rows

    is_changed = put_month_by_month(lake, handle, months, of_month, seen)
    return Refreshed(is_changed, unchanged(handle).rows, len(days))


def _splice(lake: Lake, handle: Handle, cells: pl.DataFrame, compute: pl.LazyFrame, seen: dict[str, int]) -> Refreshed:
    """Replace the stored rows of the cells by the fresh ones, in the months concerned."""
    owner = "person_id" if "person_id" in cells.columns else "group_id"
    stored = handle.scan().filter(pl.col("month").is_in(_months(cells).implode())).collect(engine="streaming")
    before = stored.join(cells, on=cells.columns, how="semi")
    kept = stored.lazy().join(cells.lazy(), on=cells.columns, how="anti")
    fresh = compute.select(handle.table.schema.names()).collect(engine="streaming")
    is_changed = put(lake, handle, before, kept, fresh, seen)
    counted = {"persons" if owner == "person_id" else "groups": cells[owner].n_unique()}
    return Refreshed(is_changed, unchanged(handle).rows, cells["day"].n_unique(), **counted)


def _with_all_since(since: dt.date | None, cells: pl.DataFrame, handle: Handle, events: pl.LazyFrame) -> pl.DataFrame:
    """Add every cell from a day on: stored ones, and those with events."""
    if since is None:
        return cells
    near = (pl.col("month") >= since.replace(day=1)) & (pl.col("day") >= since)
    parts = [rows.filter(near).select(cells.columns).unique() for rows in (handle.scan(), events)]
    return pl.concat([cells, *pl.collect_all(parts, engine="streaming")]).drop_nulls().unique()


def _person_days(sources: Sources, changes: Changes) -> pl.DataFrame:
    """Return persons and days of new events and of all events of reassigned accounts."""
    of_reassigned = sources.reassigned_events(changes).select("account_id", "day").unique().collect(engine="streaming")
    changed = pl.concat([changes.log.select("account_id", "day"), of_reassigned]).unique()
    return changes.with_persons(changed).select("person_id", "day").unique()


def _group_days(sources: Sources, changes: Changes) -> pl.DataFrame:
    """Return groups and days of new events and of all events of reassigned accounts: groups count persons."""
    of_reassigned = sources.reassigned_events(changes).select("group_id", "day").unique().collect(engine="streaming")
    return pl.concat([changes.log.select("group_id", "day"), of_reassigned]).drop_nulls().unique()


def _events_of_persons(sources: Sources, cells: pl.DataFrame) -> pl.LazyFrame:
    accounts = sources.accounts_of(cells["person_id"].unique())
    wanted = cells.join(accounts, on="person_id").select("account_id", "day")
    return _events_of(sources, wanted)


def _events_of_groups(sources: Sources, cells: pl.DataFrame) -> pl.LazyFrame:
    return _events_of(sources, cells.select("group_id", "day"))


def _events_of(sources: Sources, wanted: pl.DataFrame) -> pl.LazyFrame:
    """Return the events of accounts or groups on days, reading only the months concerned."""
    owner, day = wanted.columns
    near = pl.col("month").is_in(_months(wanted).implode()) & pl.col(owner).is_in(wanted[owner].unique().implode())
    return sources.scan().filter(near).join(wanted.lazy(), on=[owner, day], how="semi")


def _months(cells: pl.DataFrame) -> pl.Series:
    return cells["day"].dt.truncate("1mo").unique()
