"""`member_state`: all members when another day is complete, else those touched before its end, in their groups."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.engagement.connections import connected, connecting_from
from pipelines.engagement.states import member_state
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources, included, touched_since
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas.lake import MEMBER_STATE, PERSON_DAY

_CONNECTION: Final = ("is_vital", "connected_windows")


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
        connections = connected(sources.events.scan(), sources.people.lazy(), through)
        rows = member_state(sources.timeline(), days.scan(), connections, through).collect(engine="streaming")
        return write(lake, handle, rows, seen)
    changes = Changes.since(lake, sources, done)
    persons, touched = changes.persons(), touched_since(sources, changes, through)
    rows = _renewed(handle, sources, days, persons, touched, through)
    counted = Refreshed(is_changed=False, rows=0, persons=len(persons), groups=touched.height)
    return write(lake, handle, rows, seen, counted, _is_in("group_id", touched["group_id"]))


def _renewed(
    handle: Handle, sources: Sources, days: Handle, persons: pl.Series, touched: pl.DataFrame, through: dt.date | None
) -> pl.DataFrame:
    """The rows of touched groups: touched persons judged anew, and of all others how they are connected.

    An answer connects others, too: who wrote what it answers. Changes older than that leave connections as they are.
    """
    in_groups, is_touched = _is_in("group_id", touched["group_id"]), _is_in("person_id", persons)
    reconnected = _is_in("group_id", touched.filter(pl.col("newest") >= connecting_from(through))["group_id"])
    connections = connected(sources.events.scan().filter(reconnected), sources.people.lazy(), through).collect(
        engine="streaming"
    )
    # Who is connected in which windows counts only where the person was active in them, as few need to be asked.
    judged_persons = pl.concat([persons, connections["person_id"]]).unique()
    accounts = sources.accounts_of(judged_persons)["account_id"]
    judged = (
        member_state(
            sources.timeline(sources.events.scan().filter(_is_in("account_id", accounts))),
            days.scan().filter(_is_in("person_id", judged_persons)),
            connections.lazy(),
            through,
        )
        .filter(in_groups)
        .collect(engine="streaming")
    )
    stored = handle.scan().filter(in_groups).collect(engine="streaming")
    rows = pl.concat([judged.filter(is_touched), stored.filter(~is_touched)]).drop(_CONNECTION)
    known = pl.concat([judged.filter(reconnected), stored.filter(~reconnected)])
    return rows.join(known.select(*MEMBER_STATE.key, *_CONNECTION), on=MEMBER_STATE.key, how="left").with_columns(
        pl.col("is_vital").fill_null(value=False), pl.col("connected_windows").fill_null(0)
    )


def _is_in(column: str, values: pl.Series) -> pl.Expr:
    return pl.col(column).is_in(values.implode())
