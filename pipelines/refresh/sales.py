"""Sums of credit by group, day, message and segment: what changed is summed on top of what is stored."""

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
from pipelines.lake_months import changed_months, in_months
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.segmented import are_segments_others
from pipelines.refresh.versions import as_read, rows_read, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, put, unchanged, write
from schemas.lake import GROUP, GROUP_SALES, GROUP_SALES_DAY, MESSAGE_SALES, ORDER_CREDIT, SEGMENT_SALES, LakeTable

_SETTINGS: Final = input_id(SETTINGS)


def sales_inputs(lake: Lake, settings: Mapping[str, int]) -> dict[LakeTable, dict[str, int]]:
    """The inputs of each sum of sales; `settings` has the fingerprint of a table's settings, by its name."""
    of_credit = inputs_of(lake, ORDER_CREDIT)
    of_both = inputs_of(lake, ORDER_CREDIT, GROUP)
    of_days = {**of_credit, SETTINGS: settings[GROUP_SALES_DAY.name]}
    return {GROUP_SALES: of_credit, GROUP_SALES_DAY: of_days, MESSAGE_SALES: of_credit, SEGMENT_SALES: of_both}


def refresh_sales(lake: Lake, zone: str, settings: Mapping[str, int]) -> dict[str, Refreshed]:
    """Sum the credit that changed on top of the sums by group, day, message and segment.

    All of it is summed where the version that was summed cannot be read any more, where a rebuild asks for it, and, by
    segment, where a group with credit has another purpose or carrier.

    Args:
        lake: holds the sums, and what they are made of.
        zone: IANA name of the business zone.
        settings: fingerprints of the settings of the sums that depend on any, by table.

    Returns:
        What was done, by lake table.
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
    """The credit and the groups, as one refresh sees them, and what changed in credit, read once for all sums."""

    lake: Lake
    credit: Handle
    groups: Handle
    _changes: dict[int, CreditChange | None] = field(default_factory=dict)

    def refresh(self, table: LakeTable, inputs: Mapping[str, int], keyed: Keyed) -> Refreshed:
        handle, names = self.lake.open(table), table.schema.names()
        rebuild = rebuild_due(self.lake, handle)
        seen = as_recorded(inputs) | rebuild.seen()
        done = noted(handle, seen)
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
        """What changed in credit since a fact summed it; None where all of it is to be summed."""
        before = as_read(self.lake, fact, self.credit)
        if before is None:
            return None
        if is_by_segment and are_segments_others(as_read(self.lake, fact, self.groups), self.groups, before):
            return None
        if before.version not in self._changes:
            self._changes[before.version] = self._change(before)
        return self._changes[before.version]

    def _change(self, before: Handle) -> CreditChange | None:
        is_there = in_months(changed_months(before, self.credit))
        was = rows_read(before, lambda rows: rows.filter(is_there))
        if was is None:
            return None
        rows = self.credit.scan()
        return CreditChange.between(was, rows.filter(is_there).collect(engine="streaming"), rows.filter(~is_there))
