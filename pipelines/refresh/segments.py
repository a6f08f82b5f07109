"""Refresh `segment_activity` and `segment_retention` from `person_day` by updating the counts of changed persons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from pipelines.engagement.calendar import is_complete
from pipelines.engagement.segments import of_days_only, segment_activity, segment_retention
from pipelines.frames import Changed
from pipelines.lake import Handle, Lake
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.segmented import are_segments_others
from pipelines.refresh.versions import as_read, changed_between, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import (
    SETTINGS,
    Refreshed,
    input_id,
    put,
    record_inputs,
    recorded_inputs,
    unchanged,
    write,
)
from schemas.lake import GROUP, PERSON_DAY, SEGMENT_ACTIVITY, SEGMENT_RETENTION, LakeTable

_COUNTS: Final[dict[LakeTable, Callable[[pl.LazyFrame, pl.LazyFrame, dt.date | None], pl.LazyFrame]]] = {
    SEGMENT_ACTIVITY: segment_activity,
    SEGMENT_RETENTION: segment_retention,
}
_MINE: Final = ("person_id", "group_id", "day", "month")
_WHOLE: Final = (input_id(SETTINGS), input_id("through"))
"""Inputs whose change recounts everything: the last complete day, and the settings of days."""


def segment_inputs(lake: Lake, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs of both: activity, segments of groups, the last complete day and the settings."""
    day = 0 if through is None else through.toordinal()
    return inputs_of(lake, PERSON_DAY, GROUP, **{SETTINGS: settings, "through": day})


def refresh_segments(lake: Lake, through: dt.date | None, settings: int) -> dict[str, Refreshed]:
    """Add the counts of persons with changed complete days and subtract their earlier counts.

    Everything is recounted on a new complete day, when a group with activity changes its segment, and if the version
    of `person_day` counted before is no longer available.

    Args:
        lake: The lake with the facts and their inputs.
        through: The last complete day; None: there is none.
        settings: Fingerprint of the settings.

    Returns:
        The result by lake table.
    """
    inputs = segment_inputs(lake, through, settings)
    counting = _Counting(lake, lake.open(PERSON_DAY), lake.open(GROUP), through)
    return {table.name: counting.refresh(table, inputs) for table in _COUNTS}


@dataclass(frozen=True)
class _Change:
    """All complete days of persons with a changed complete day, before and now."""

    before: pl.DataFrame
    now: pl.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether no person has other complete days than before."""
        return self.before.is_empty() and self.now.is_empty()


@dataclass(frozen=True)
class _Counting:
    """Activity and groups of one refresh, and the changes of activity, read once for both facts."""

    lake: Lake
    days: Handle
    groups: Handle
    through: dt.date | None
    _changes: dict[int, _Change | None] = field(default_factory=dict)

    def refresh(self, table: LakeTable, inputs: Mapping[str, int]) -> Refreshed:
        handle = self.lake.open(table)
        rebuild = rebuild_due(self.lake, handle)
        seen = as_recorded(inputs) | rebuild.seen()
        done = recorded_inputs(handle, seen)
        if done == seen:
            return unchanged(handle)
        positions = {**seen, **version_read(self.days), **version_read(self.groups)}
        is_whole = rebuild.is_due or any(done[name] != seen[name] for name in _WHOLE)
        change = None if is_whole else self._change_since(handle)
        if change is None:
            return write(self.lake, handle, self._counted(table, self.days.scan().select(_MINE)), positions)
        if change.is_empty:
            record_inputs(self.lake, handle, positions)
            return unchanged(handle)
        gained, lost = (self._counted(table, rows.lazy()) for rows in (change.now, change.before))
        numbers = [name for name in table.columns if name not in table.key]
        added = pl.concat([gained, lost.with_columns(-pl.col(numbers))])
        before = handle.scan().join(added.lazy(), on=table.key, how="semi").collect(engine="streaming")
        summed = pl.concat([before, added]).group_by(table.key).agg(pl.col(numbers).sum())
        fresh = summed.filter(pl.any_horizontal(pl.col(numbers) != 0))
        if table is SEGMENT_ACTIVITY:
            fresh = of_days_only(fresh.lazy()).collect()
        kept = handle.scan().join(added.lazy(), on=table.key, how="anti")
        is_changed = put(self.lake, handle, before, kept, fresh, positions)
        return Refreshed(is_changed, unchanged(handle).rows, persons=change.now["person_id"].n_unique())

    def _counted(self, table: LakeTable, days: pl.LazyFrame) -> pl.DataFrame:
        return _COUNTS[table](days, self.groups.scan(), self.through).collect(engine="streaming")

    def _change_since(self, fact: Handle) -> _Change | None:
        before = as_read(self.lake, fact, self.days)
        if before is None or are_segments_others(as_read(self.lake, fact, self.groups), self.groups, before):
            return None
        if before.version not in self._changes:
            self._changes[before.version] = self._change(before)
        return self._changes[before.version]

    def _change(self, before: Handle) -> _Change | None:
        changed = changed_between(self.lake, before, self.days)
        if changed is None:
            return None
        # Days that are not complete are counted once they are.
        is_over = is_complete(pl.col("day"), "day", self.through)
        mine = (rows.filter(is_over).select(_MINE) for rows in (changed.gone, changed.come))
        whole = Changed.between(PERSON_DAY.key, *mine).whole(
            self.days.scan().filter(is_over).select(_MINE), PERSON_DAY.key, "person_id"
        )
        return _Change(*whole)
