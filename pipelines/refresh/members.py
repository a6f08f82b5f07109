"""`member_state`: all members when another day is complete, else those touched before its end, in their groups."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.states import connects_from, member_state
from pipelines.lake import Lake
from pipelines.refresh.changes import Changes, Sources, touched_groups
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas.lake import MEMBER_STATE


def refresh_member_state(lake: Lake, through: dt.date | None, settings: int) -> Refreshed:
    """Recompute the persons of late events and those merged; all of them with another day or other rules.

    Args:
        lake: holds the fact and what it follows.
        through: last complete day, which the fact is of.
        settings: fingerprint of the rules.
    """
    handle, sources = lake.open(MEMBER_STATE), Sources.of(lake)
    whole = {input_id(SETTINGS): settings, input_id("through"): 0 if through is None else through.toordinal()}
    seen = {**sources.positions(), **whole}
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    stored = handle.scan().collect(engine="streaming")
    if any(done[name] != value for name, value in whole.items()):
        return write(lake, handle, _states(sources.timeline(), through), seen)
    changes = Changes.since(lake, sources, done)
    persons, groups = changes.persons(), touched_groups(sources, changes, through)
    rows = _renewed(stored, sources, persons, groups, through)
    counted = Refreshed(is_changed=False, rows=0, persons=len(persons), groups=len(groups))
    return write(lake, handle, rows, seen, counted)


def _renewed(
    stored: pl.DataFrame, sources: Sources, persons: pl.Series, groups: pl.Series, through: dt.date | None
) -> pl.DataFrame:
    """The stored rows, with touched persons judged anew in touched groups, and with the connections of all in these.

    A person's own events of all history say the state; answers of the newest windows, whoever gave them, connect.
    """
    of_persons = pl.col("account_id").is_in(sources.accounts_of(persons)["account_id"].implode())
    is_recent = pl.col("day") >= connects_from(through)
    in_groups = pl.col("group_id").is_in(groups.implode())
    judged = _states(sources.timeline(sources.events.scan().filter(in_groups & (of_persons | is_recent))), through)
    is_touched = pl.col("person_id").is_in(persons.implode())
    # Of the others their own past is not all there: only how they are connected is known anew.
    connected = judged.select(*MEMBER_STATE.key, "is_vital", "connected_windows")
    others = stored.filter(in_groups & ~is_touched).drop("is_vital", "connected_windows")
    return pl.concat(
        [
            stored.filter(~in_groups),
            judged.filter(is_touched),
            others.join(connected, on=MEMBER_STATE.key, how="left").with_columns(
                pl.col("is_vital").fill_null(value=False), pl.col("connected_windows").fill_null(0)
            ),
        ],
        how="diagonal",
    )


def _states(events: pl.LazyFrame, through: dt.date | None) -> pl.DataFrame:
    return member_state(events, through).collect(engine="streaming")
