"""Refresh `intervention` for groups with new events, and for groups of a source whose measured days changed."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.groups.intervention import intervention
from pipelines.groups.thresholds import LifeRules
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import (
    BATCH_INPUT,
    IDENTITY_INPUT,
    MEMBER_CHANGE_INPUT,
    Changes,
    Sources,
    changed_groups,
)
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import as_read, rows_read, version_read
from pipelines.refresh.written import (
    SETTINGS,
    Refreshed,
    in_groups,
    input_id,
    recorded_inputs,
    rows_version,
    unchanged,
    write_groups,
)
from schemas.lake import FEED_DAY, GROUP, GROUP_DAY, INTERVENTION, STAFF_ACT

_POSITIONS: Final = (BATCH_INPUT, IDENTITY_INPUT)
_LAST_DAY: Final = dt.date.max


def intervention_inputs(lake: Lake, settings: int) -> dict[str, int]:
    """Return the inputs that `intervention` records: what all its facts include, version of `feed_day`, settings."""
    facts = [lake.open(table) for table in (STAFF_ACT, GROUP_DAY, GROUP)]
    return {
        **{name: min(fact.position(name) or 0 for fact in facts) for name in _POSITIONS},
        MEMBER_CHANGE_INPUT: lake.open(GROUP_DAY).position(MEMBER_CHANGE_INPUT) or 0,
        input_id(FEED_DAY.name): rows_version(lake.open(FEED_DAY)),
        input_id(SETTINGS): settings,
    }


def refresh_interventions(lake: Lake, zone: str, rules: LifeRules, settings: int) -> Refreshed:
    """Recompute groups with new events, and groups of a source whose measured days changed before their last day.

    Args:
        lake: The lake with the fact and its inputs: `staff_act`, `group_day`, `feed_day`, `group`.
        zone: IANA name of the business zone.
        rules: The thresholds of silence.
        settings: Fingerprint of both; a change recomputes everything.
    """
    handle = lake.open(INTERVENTION)
    rebuild = rebuild_due(lake, handle)
    seen = intervention_inputs(lake, settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    feeds, days, sources = lake.open(FEED_DAY), lake.open(GROUP_DAY), Sources.of(lake, INTERVENTION)
    touched = None
    if None not in done.values() and not rebuild.is_whole and done[input_id(SETTINGS)] == settings:
        changed = changed_groups(sources, Changes.since(lake, sources, done), _LAST_DAY)
        touched = _changed_groups(lake, handle, feeds, days, changed["group_id"])
    is_changed = in_groups(touched)
    fresh = intervention(
        lake.open(STAFF_ACT).scan().filter(is_changed), days.scan().filter(is_changed), feeds.scan(),
        lake.open(GROUP).scan().filter(is_changed), zone, rules,
    ).collect(engine="streaming")  # fmt: skip
    return write_groups(lake, handle, fresh, {**seen, **version_read(feeds)}, touched)


def _changed_groups(lake: Lake, fact: Handle, feeds: Handle, days: Handle, changed: pl.Series) -> pl.Series | None:
    """Return the groups to recompute; None for all, if it is no longer known which days of feeds were read."""
    before = as_read(lake, fact, feeds)
    was = None if before is None else rows_read(before, lambda rows: rows.select(FEED_DAY.key))
    if was is None:
        return None
    moved = in_one_only(was, feeds.scan().select(FEED_DAY.key).collect(engine="streaming"))
    measured = moved.group_by("source").agg(since=pl.col("day").min())
    groups = [changed]
    if not measured.is_empty():
        of_sources = days.scan().filter(pl.col("source").is_in(measured["source"].implode()))
        since = of_sources.join(measured.lazy(), on="source").group_by("group_id").agg(pl.col("since").min())
        later = days.scan().join(since, on="group_id").filter(pl.col("day") > pl.col("since"))
        groups.append(later.select("group_id").unique().collect(engine="streaming")["group_id"])
    return pl.concat(groups).unique()
