"""Refresh `matched_event`: properties of matched events, looked up where events or matches changed."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.lake import Lake
from pipelines.lake_months import in_months, replaced_months
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import as_read, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import Refreshed, put, recorded_inputs, unchanged
from schemas.lake import EVENTS, FUNNEL_ENTRY, MATCHED_EVENT

_EVENT: Final = ["source", "event_id"]
_COLUMNS: Final = MATCHED_EVENT.schema.names()


def matched_inputs(lake: Lake) -> dict[str, int]:
    """Return the inputs of `matched_event`."""
    return inputs_of(lake, FUNNEL_ENTRY, EVENTS)


def refresh_matched(lake: Lake) -> Refreshed:
    """Look up matched events again in months whose events changed, and new matches.

    All are looked up if the version of `events` that was read is no longer available, or for a rebuild.
    """
    handle = lake.open(MATCHED_EVENT)
    rebuild = rebuild_due(lake, handle)
    seen = as_recorded(matched_inputs(lake)) | rebuild.seen()
    if recorded_inputs(handle, seen) == seen:
        return unchanged(handle)
    events, entries = lake.open(EVENTS), lake.open(FUNNEL_ENTRY).scan()
    # Events that matched several entries are repeated here: the join costs less than removing duplicates first.
    matches = entries.select("matches").explode("matches").unnest("matches").select(*_EVENT, "time")
    matches = matches.collect(engine="streaming")
    stored = handle.scan().collect(engine="streaming")
    before = None if rebuild.is_due else as_read(lake, handle, events)
    is_read = pl.lit(value=True) if before is None else in_months(replaced_months(before, events))
    looked_up = [events.scan().filter(is_read).select(_COLUMNS).join(matches.lazy(), on=_EVENT, how="semi")]
    if before is not None:
        lacking = matches.join(stored, on=_EVENT, how="anti")
        # A day of the business zone is within one day of that of UTC.
        near = pl.concat([lacking["time"].dt.offset_by(days).dt.date().dt.month_start() for days in ("-1d", "1d")])
        is_near = in_months(near.unique()) & pl.col("time").is_in(lacking["time"].implode())
        of_lacking = events.scan().filter(~is_read, is_near).select(_COLUMNS)
        looked_up.append(of_lacking.join(lacking.lazy(), on=_EVENT, how="semi"))
    fresh = pl.concat(looked_up).collect(engine="streaming")
    goes = pl.concat([stored.filter(is_read), stored.filter(~is_read).join(matches, on=_EVENT, how="anti")])
    stays = stored.lazy().join(goes.lazy(), on=_EVENT, how="anti")
    is_changed = put(lake, handle, goes, stays, fresh, {**seen, **version_read(events)})
    return Refreshed(is_changed, unchanged(handle).rows)
