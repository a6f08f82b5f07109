"""Refresh `member_state`: all members on a new complete day, else those with changes before its end."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.connections import connected, connecting_from, windows_from
from pipelines.engagement.states import member_state
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources, changed_groups, complete_inputs, member_change_input
from pipelines.refresh.first_seen import first_days
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, recorded_inputs, through_input, unchanged, write
from schemas.lake import MEMBER_CHANGE, MEMBER_STATE, PERSON_DAY

_MEMBER: Final = ("person_id", "group_id")
_CONNECTION: Final = ("is_vital", "connected_windows")


def member_state_inputs(days: Handle, changes: Handle, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs of `member_state`: positions of its facts, the last complete day and the settings."""
    return complete_inputs(days, through, settings) | member_change_input(changes)


def refresh_member_state(lake: Lake, through: dt.date | None, settings: int) -> Refreshed:
    """Recompute members with late events and merged persons; all members on a new day or with other settings.

    It includes what `person_day` includes; newer events are evaluated now, and again with `person_day`.

    Args:
        lake: The lake with the fact and its inputs `events`, `identity`, `member_change` and `person_day`.
        through: Last complete day, the day of the fact.
        settings: Fingerprint of the settings that decide which days are complete.
    """
    handle, days, member_changes = (lake.open(table) for table in (MEMBER_STATE, PERSON_DAY, MEMBER_CHANGE))
    sources = Sources.of(lake, MEMBER_STATE)
    rebuild = rebuild_due(lake, handle)
    seen = member_state_inputs(days, member_changes, through, settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if rebuild.is_whole or any(done[name] != seen[name] for name in (*through_input(through), input_id(SETTINGS))):
        connections = connected(sources.events.scan(), sources.people.lazy(), through)
        rows = member_state(sources.timeline(), days.scan(), connections, through).collect(engine="streaming")
        return write(lake, handle, rows, seen)
    changes = Changes.since(lake, sources, done)
    changed = changed_groups(sources, changes, through)
    members = changes.persons_in_groups(sources, through)
    in_groups = _is_in("group_id", changed["group_id"])
    stored = handle.scan().filter(in_groups).collect(engine="streaming")
    rows = _renewed(lake, sources, days, stored, members, changed, through)
    counted = Refreshed(is_changed=False, rows=0, persons=members["person_id"].n_unique(), groups=changed.height)
    return write(lake, handle, rows, seen, counted, in_groups)


def _renewed(
    lake: Lake,
    sources: Sources,
    days: Handle,
    stored: pl.DataFrame,
    members: pl.DataFrame,
    changed: pl.DataFrame,
    through: dt.date | None,
) -> pl.DataFrame:
    """Return the rows of changed groups: changed members recomputed, and connections of all others updated.

    An answer also connects the author of the answered message. Older changes do not affect connections.
    """
    reconnected = _is_in("group_id", changed.filter(pl.col("newest") >= connecting_from(through))["group_id"])
    connections = connected(sources.events.scan().filter(reconnected), sources.people.lazy(), through).collect(
        engine="streaming"
    )
    # Connections only count in windows in which the person was active, so only these are computed.
    asked = pl.concat([members["person_id"], connections["person_id"]]).unique()
    active = _active_days(lake, days, asked, members, through)
    # Joins only matter for persons who were never active.
    silent = members.join(active, on=_MEMBER, how="anti")["person_id"].unique()
    judged = member_state(sources.events_of(silent), active.lazy(), connections.lazy(), through).collect(
        engine="streaming"
    )
    rows = pl.concat([judged.join(members, on=_MEMBER, how="semi"), stored.join(members, on=_MEMBER, how="anti")])
    known = pl.concat([judged.filter(reconnected), stored.filter(~reconnected)])
    return (
        rows.drop(_CONNECTION)
        .join(known.select(*_MEMBER, *_CONNECTION), on=_MEMBER, how="left")
        .with_columns(pl.col("is_vital").fill_null(value=False), pl.col("connected_windows").fill_null(0))
    )


def _active_days(
    lake: Lake, days: Handle, persons: pl.Series, members: pl.DataFrame, through: dt.date | None
) -> pl.DataFrame:
    """Return `person_id, group_id, day`: active days in the windows, and the first and last day of each member.

    Days before the windows are read only for members who were not active since.
    """
    until = pl.col("day") <= pl.lit(through, pl.Date)
    in_windows = until & (pl.col("month") >= windows_from(through).dt.month_start())
    rows = days.scan().select(*_MEMBER, "day", "month")
    recent = rows.filter(in_windows & _is_in("person_id", persons)).drop("month").collect(engine="streaming")
    first = first_days(lake, days).select(*_MEMBER, day="first_day").filter(until)
    firsts = first.join(members.lazy(), on=_MEMBER, how="semi").collect(engine="streaming")
    paused = firsts.join(recent, on=_MEMBER, how="anti")["person_id"].unique()
    if paused.is_empty():
        return pl.concat([recent, firsts])
    older = rows.filter(until & _is_in("person_id", paused)).drop("month").collect(engine="streaming")
    return pl.concat([recent, firsts, older])


def _is_in(column: str, values: pl.Series) -> pl.Expr:
    return pl.col(column).is_in(values.implode())
