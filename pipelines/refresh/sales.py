"""Sums of credit by group, message and segment: what changed is summed on top of what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.funnel.sales import CreditChange, Keyed, by_group, by_message, by_segment, changed_sales, sales
from pipelines.lake import Handle, Lake
from pipelines.lake_months import changed_months, in_months
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import as_read, rows_read, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import Refreshed, noted, put, unchanged, write
from schemas.lake import GROUP, GROUP_SALES, MESSAGE_SALES, ORDER_CREDIT, SEGMENT_SALES, LakeTable

_SEGMENTED: Final = ("group_id", "purpose", "carrier")


def sales_inputs(lake: Lake) -> dict[LakeTable, dict[str, int]]:
    """The inputs of each sum of sales."""
    of_credit = inputs_of(lake, ORDER_CREDIT)
    of_both = inputs_of(lake, ORDER_CREDIT, GROUP)
    return {GROUP_SALES: of_credit, MESSAGE_SALES: of_credit, SEGMENT_SALES: of_both}


def refresh_sales(lake: Lake) -> dict[str, Refreshed]:
    """Sum the credit that changed on top of the sums by group, message and segment.

    All of it is summed where the version that was summed cannot be read any more, where a rebuild asks for it, and, by
    segment, where a group with credit has another purpose or carrier.

    Returns:
        What was done, by lake table.
    """
    inputs, summing = sales_inputs(lake), _Summing(lake, lake.open(ORDER_CREDIT), lake.open(GROUP))
    of_segment = by_segment(summing.groups.scan())
    keyed = {GROUP_SALES: by_group, MESSAGE_SALES: by_message, SEGMENT_SALES: of_segment}
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
        if noted(handle, seen) == seen:
            return unchanged(handle)
        read = [self.credit, self.groups] if GROUP.name in inputs else [self.credit]
        positions = {**seen, **{name: number for one in read for name, number in version_read(one).items()}}
        change = None if rebuild.is_due else self._change_since(handle, is_by_segment=self.groups in read)
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
        if before is None or (is_by_segment and self._are_segments_others(fact, before)):
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

    def _are_segments_others(self, fact: Handle, credit: Handle) -> bool:
        """Whether a group whose credit a fact sums is in another segment now, or may be."""
        before = as_read(self.lake, fact, self.groups)
        was = None if before is None else rows_read(before, lambda rows: rows.select(_SEGMENTED))
        if was is None:
            return True
        moved = in_one_only(was, self.groups.scan().select(_SEGMENTED).collect())["group_id"].unique()
        if moved.is_empty():
            return False
        is_moved = pl.col("group_id").is_in(moved.implode())
        return not credit.scan().filter(is_moved).select("group_id").head(1).collect().is_empty()
