"""Refresh facts by period (`retention`, `lifecycle`): only the periods that changed days affect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.engagement.calendar import (
    Unit,
    later_unit_start,
    next_unit_start,
    previous_unit_start,
    unit_start,
)
from pipelines.engagement.lifecycle import assert_invariant, lifecycle, lifecycle_counts, lifecycle_rows
from pipelines.engagement.retention_table import retention_counts, retention_rows, retention_table
from pipelines.lake import Handle, Lake
from pipelines.lake_months import months_of
from pipelines.refresh.changes import Changes, Sources, complete_inputs
from pipelines.refresh.first_seen import first_days
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, recorded_inputs, unchanged, write
from schemas.lake import LIFECYCLE, PERSON_DAY, RETENTION, LakeTable


@dataclass(frozen=True)
class _History:
    """`person_day`, and the first days of this exact version of it."""

    days: Handle
    firsts: pl.LazyFrame

    def in_units(self, starts: pl.Series, unit: Unit) -> pl.LazyFrame:
        """Return `person_id, day` of the periods that begin on these days."""
        last = _after(starts, unit).dt.offset_by("-1d")
        months = pl.concat([starts, last]).dt.month_start().unique()
        near = pl.col("month").is_in(months.implode()) & unit_start(pl.col("day"), unit).is_in(starts.implode())
        return self.days.scan().filter(near).select("person_id", "day")

    def span(self) -> pl.LazyFrame:
        """Return one row `first, last`: the first and last day with activity."""
        newest_month = max(months_of(self.days), default=None)
        newest = self.days.scan().filter(pl.col("month") == pl.lit(newest_month, pl.Date))
        return pl.concat(
            [self.firsts.select(first=pl.col("first_day").min()), newest.select(last=pl.col("day").max())],
            how="horizontal",
        )


Rows = Callable[[_History, pl.DataFrame, pl.Series], pl.LazyFrame]
"""Computes rows of the fact from history, stored rows, and the days whose periods are recounted."""


def refresh_retention(lake: Lake, units: Sequence[Unit], through: dt.date | None, settings: int) -> Refreshed:
    """Recompute `retention` for the periods that changed days affect.

    Args:
        lake: The lake with the fact, `person_day`, `first_seen` and the change logs.
        units: Periods of cohorts: day, week, month.
        through: Last complete day.
        settings: Fingerprint of the settings that decide which days are complete; a change recomputes everything.
    """

    def whole(history: _History) -> pl.LazyFrame:
        return pl.concat([retention_table(history.firsts, history.days.scan(), unit, through) for unit in units])

    def some(history: _History, stored: pl.DataFrame, days: pl.Series) -> pl.LazyFrame:
        last_day = history.span().select(day="last")
        parts = []
        for unit in units:
            start = later_unit_start(pl.col("cohort"), pl.col("period"), unit)
            cells = stored.filter(pl.col("unit") == unit).with_columns(start=start)
            # Periods that were incomplete were stored without a count.
            running = cells.filter(~pl.col("is_complete"))["start"]
            changed = pl.concat([_starts(days, unit), running]).unique()
            counted = retention_counts(history.firsts, history.in_units(changed, unit), unit)
            kept = cells.lazy().filter(~pl.col("start").is_in(changed.implode())).select("cohort", "start", "active")
            active = pl.concat([kept, counted.cast({"active": pl.Int64})])
            parts.append(retention_rows(history.firsts, active, last_day, unit, through))
        return pl.concat(parts)

    return _refresh(lake, RETENTION, whole, some, through, settings)


def refresh_lifecycle(lake: Lake, units: Sequence[Unit], through: dt.date | None, settings: int) -> Refreshed:
    """Recompute `lifecycle` for the periods that changed days affect, and the next ones; see `refresh_retention`.

    Raises:
        LifecycleBroken: The counts contradict each other.
    """

    def whole(history: _History) -> pl.LazyFrame:
        return pl.concat([lifecycle(history.days.scan(), unit, through) for unit in units])

    def some(history: _History, stored: pl.DataFrame, days: pl.Series) -> pl.LazyFrame:
        parts = []
        for unit in units:
            cells = stored.filter(pl.col("unit") == unit).drop("unit", "is_complete")
            ends = _after(cells["start"].sort().tail(1), unit)
            changed = pl.concat([_starts(days, unit), ends]).unique()
            changed = pl.concat([changed, _after(changed, unit)]).unique()
            needed = pl.concat([changed, _before(changed, unit)]).unique()
            is_changed = pl.col("start").is_in(changed.implode())
            counted = lifecycle_counts(history.in_units(needed, unit), history.firsts, unit).filter(is_changed)
            names = cells.columns
            whole_numbers = counted.select("start", pl.col(names[1:]).cast(pl.Int64))
            counts = pl.concat([cells.lazy().filter(~is_changed), whole_numbers])
            parts.append(lifecycle_rows(counts, history.span(), unit, through))
        return pl.concat(parts)

    return _refresh(lake, LIFECYCLE, whole, some, through, settings)


def _refresh(
    lake: Lake,
    table: LakeTable,
    whole: Callable[[_History], pl.LazyFrame],
    some: Rows,
    through: dt.date | None,
    settings: int,
) -> Refreshed:
    handle, days = lake.open(table), lake.open(PERSON_DAY)
    sources = Sources.of(lake)
    rebuild = rebuild_due(lake, handle)
    seen = complete_inputs(days, through, settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    history = _History(days, first_days(lake, days))
    stored = handle.scan().collect(engine="streaming")
    changed: pl.Series | None = None
    is_known = None not in done.values() and done[input_id(SETTINGS)] == seen[input_id(SETTINGS)]
    if is_known and not stored.is_empty() and not rebuild.is_whole:
        changed = _changed_days(history, Changes.since(lake, sources, done), rebuild.since)
    rows = (whole(history) if changed is None else some(history, stored, changed)).collect(engine="streaming")
    if table is LIFECYCLE:
        assert_invariant(rows.lazy())
    counted = Refreshed(is_changed=False, rows=0, days=0 if changed is None else len(changed))
    return write(lake, handle, rows, seen, counted)


def _changed_days(history: _History, changes: Changes, since: dt.date | None) -> pl.Series:
    """Return days on which a person's activity, or its class, may differ.

    These are the days in the change log; all days of persons whose first day may have changed or who gained or lost an
    account; and every day with activity from `since` on.
    """
    # A first day before all changed days is unchanged.
    may_be_another = pl.col("since").is_null() | (pl.col("since") <= pl.col("first_day"))
    persons = (
        history.firsts.group_by("person_id")
        .agg(pl.col("first_day").min())
        .join(changes.persons_since().lazy(), on="person_id")
        .filter(may_be_another)
        .collect(engine="streaming")
    )
    first = pl.lit(persons["first_day"].min(), pl.Date)
    everywhere = (
        history.days.scan()
        .filter(pl.col("month") >= first.dt.month_start(), pl.col("person_id").is_in(persons["person_id"].implode()))
        .select("day")
        .unique()
        .collect(engine="streaming")
    )
    days = pl.concat([changes.log["day"], everywhere["day"]])
    if since is not None:
        near = (pl.col("month") >= since.replace(day=1)) & (pl.col("day") >= since)
        rebuilt = history.days.scan().filter(near).select("day").unique().collect(engine="streaming")
        days = pl.concat([days, rebuilt["day"]])
    return days.unique()


def _starts(days: pl.Series, unit: Unit) -> pl.Series:
    return pl.select(start=unit_start(pl.lit(days), unit)).to_series()


def _after(starts: pl.Series, unit: Unit) -> pl.Series:
    return pl.select(start=next_unit_start(pl.lit(starts), unit)).to_series()


def _before(starts: pl.Series, unit: Unit) -> pl.Series:
    return pl.select(start=previous_unit_start(pl.lit(starts), unit)).to_series()
