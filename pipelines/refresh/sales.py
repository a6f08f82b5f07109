"""Refresh sums of credit by group, day, message and segment by adding the changes to the stored sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipelines.funnel.sales import (
    CreditChange,
    Keyed,
    by_group,
    by_group_and_day,
    by_message,
    by_segment,
    changed_sales,
    sales,
)
from pipelines.lake import Handle, Lake
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.segmented import are_segments_others
from pipelines.refresh.versions import as_read, changed_between, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, put, recorded_inputs, unchanged, write
from schemas.lake import GROUP, GROUP_SALES, GROUP_SALES_DAY, MESSAGE_SALES, ORDER_CREDIT, SEGMENT_SALES, LakeTable

_SETTINGS: Final = input_id(SETTINGS)


def sales_inputs(lake: Lake, settings: Mapping[str, int]) -> dict[LakeTable, dict[str, int]]:
    """Return the inputs of each sum of sales; `settings` has the fingerprint of settings by table."""
    of_credit = inputs_of(lake, ORDER_CREDIT)
    of_both = inputs_of(lake, ORDER_CREDIT, GROUP)
    of_days = {**of_credit, SETTINGS: settings[GROUP_SALES_DAY.name]}
    return {GROUP_SALES: of_credit, GROUP_SALES_DAY: of_days, MESSAGE_SALES: of_credit, SEGMENT_SALES: of_both}


def refresh_sales(lake: Lake, zone: str, settings: Mapping[str, int]) -> dict[str, Refreshed]:
    """Add the changes of credit to the sums by group, day, message and segment.

    All credit is summed again if the version summed before is no longer available, for a rebuild, and, by segment, if
    a group with credit has changed its purpose or carrier.

    Args:
        lake: The lake with the sums and their inputs.
        zone: IANA name of the business zone.
        settings: Fingerprints of settings by table, for sums that depend on any.

    Returns:
        The result by lake table.
    """
    inputs, summing = sales_inputs(lake, settings), _Summing(lake, lake.open(ORDER_CREDIT), lake.open(GROUP))
    of_segment = by_segment(summing.groups.scan())
    keyed = {
        GROUP_SALES: by_group,
        GROUP_SALES_DAY: by_group_and_day(zone),
        MESSAGE_SALES: by_message,
        SEGMENT_SALES: of_segment,
    }
    return {table.name: summing.refresh(table, inputs[table], keyed[table]) for table in keyed}


@dataclass(frozen=True)
class _Summing:
    """Credit and groups of one refresh, and the changes of credit, read once for all sums."""

    lake: Lake
    credit: Handle
    groups: Handle
    _changes: dict[int, CreditChange | None] = field(default_factory=dict)

    def refresh(self, table: LakeTable, inputs: Mapping[str, int], keyed: Keyed) -> Refreshed:
        handle, names = self.lake.open(table), table.schema.names()
        rebuild = rebuild_due(self.lake, handle)
        seen = as_recorded(inputs) | rebuild.seen()
        done = recorded_inputs(handle, seen)
        if done == seen:
            return unchanged(handle)
        read = [self.credit, self.groups] if GROUP.name in inputs else [self.credit]
        positions = {**seen, **{name: number for one in read for name, number in version_read(one).items()}}
        is_other_zone = done.get(_SETTINGS) != seen.get(_SETTINGS)
        change = (
            None if rebuild.is_due or is_other_zone else self._change_since(handle, is_by_segment=self.groups in read)
        )
        if change is None:
            fresh = sales(self.credit.scan(), keyed).select(names).collect(engine="streaming")
            return write(self.lake, handle, fresh, positions)
        fresh, before = changed_sales(handle.scan(), change, keyed)
        kept = handle.scan().join(before.lazy(), on=table.key, how="anti")
        is_changed = put(self.lake, handle, before, kept, fresh.select(names), positions)
        return Refreshed(is_changed, unchanged(handle).rows)

    def _change_since(self, fact: Handle, *, is_by_segment: bool) -> CreditChange | None:
        """Return the changes of credit since a fact summed it; None if all of it must be summed."""
        before = as_read(self.lake, fact, self.credit)
        if before is None:
            return None
        if is_by_segment and are_segments_others(as_read(self.lake, fact, self.groups), self.groups, before):
            return None
        if before.version not in self._changes:
            changed = changed_between(self.lake, before, self.credit)
            self._changes[before.version] = changed and CreditChange.of(changed, self.credit.scan())
        return self._changes[before.version]
