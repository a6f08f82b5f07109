"""`member_state`: all members when another day is complete, else those touched before its end, in their groups."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.states import member_state, windows_from
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources, included, touched_groups
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas.lake import MEMBER_STATE, PERSON_DAY


def refresh_member_state(lake: Lake, through: dt.date | None) -> Refreshed:
    """Recompute the persons of late events and those merged; all of them with another day or other rules.

    What `person_day` includes is included; events that are even newer are judged now, and again with it.

    Args:
        lake: holds the fact and what it follows, `events`, `identity` and `person_day`.
        through: last complete day, which the fact is of.
    """
    handle, days = lake.open(MEMBER_STATE), lake.open(PERSON_DAY)
    sources = Sources.of(lake)
    of_all = {input_id("through"): 0 if through is None else through.toordinal()}
    seen = included(days) | of_all
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    if any(done[name] != seen[name] for name in (*of_all, input_id(SETTINGS))):
        rows = member_state(sources.timeline(), days.scan(), through).collect(engine="streaming")
        return write(lake, handle, rows, seen)
    changes = Changes.since(lake, sources, done)
    persons, groups = changes.persons(), touched_groups(sources, changes, through)
    is_touched, in_groups = pl.col("person_id").is_in(persons.implode()), pl.col("group_id").is_in(groups.implode())
    rows = _renewed(handle, sources, days, is_touched, in_groups, through)
    counted = Refreshed(is_changed=False, rows=0, persons=len(persons), groups=len(groups))
    return write(lake, handle, rows, seen, counted, in_groups)


def _renewed(
    handle: Handle, sources: Sources, days: Handle, is_touched: pl.Expr, in_groups: pl.Expr, through: dt.date | None
) -> pl.DataFrame:
    """The rows of touched groups: touched persons judged anew, and the connections of all others.

    A person's own days of all history say the state; answers of the newest windows, whoever gave them, connect.
    """
    is_recent = pl.col("day") >= windows_from(through)
    judged = member_state(
        sources.timeline(sources.events.scan().filter(in_groups)),
        days.scan().filter(in_groups & (is_touched | is_recent)),
        through,
    ).collect(engine="streaming")
    # Of the others their own past is not all there: only how they are connected is known anew.
    connected = judged.select(*MEMBER_STATE.key, "is_vital", "connected_windows")
    others = handle.scan().filter(in_groups & ~is_touched).drop("is_vital", "connected_windows")
    renewed = others.join(connected.lazy(), on=MEMBER_STATE.key, how="left").with_columns(
        pl.col("is_vital").fill_null(value=False), pl.col("connected_windows").fill_null(0)
    )
    return pl.concat([judged.filter(is_touched), renewed.collect(engine="streaming")], how="diagonal")
