"""Refresh `conversion_path` and `conversion_path_sales`: the months of which paths, orders or purposes changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.funnel.conversion_path import conversion_path, conversion_path_sales, still_open
from pipelines.lake import Handle, Lake
from pipelines.lake_months import changed_months, in_months
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import as_read, rows_read, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, recorded_inputs, through_input, unchanged, write
from schemas.lake import CONVERSION_PATH, CONVERSION_PATH_SALES, CUSTOMER_ORDER, GROUP, PERSON_PATH, LakeTable

_SETTINGS: Final = input_id(SETTINGS)
_THROUGH: Final = input_id("through")
_NAMED: Final = ("group_id", "purpose")
_DAYS: Final = dt.timedelta(days=2)
"""By so much the day of a time in the business zone may differ, before and after the look-back."""


def conversion_path_inputs(lake: Lake, through: dt.date | None, settings: int) -> dict[LakeTable, dict[str, int]]:
    """Return the inputs of both tables: paths and purposes; of one the last complete day, of the other the orders."""
    of_paths = as_recorded(inputs_of(lake, PERSON_PATH, GROUP, **{SETTINGS: settings})) | through_input(through)
    return {
        CONVERSION_PATH: of_paths,
        CONVERSION_PATH_SALES: as_recorded(inputs_of(lake, PERSON_PATH, GROUP, CUSTOMER_ORDER)),
    }


def refresh_conversion_paths(
    lake: Lake, through: dt.date | None, zone: str, look_back: dt.timedelta, settings: int
) -> dict[str, Refreshed]:
    """Count the paths again of the months in which paths, orders or purposes of groups changed, or paths closed.

    Args:
        lake: The lake with the facts and their inputs.
        through: The last complete day; None: there is none.
        zone: IANA name of the business zone.
        look_back: Longest time from a touchpoint to the payment.
        settings: Fingerprint of the zone, of what decides which days are complete, and of the look-back.

    Returns:
        The result by lake table.
    """
    inputs = conversion_path_inputs(lake, through, settings)
    counting = _Counting(lake, through, zone, look_back, *map(lake.open, (PERSON_PATH, GROUP, CUSTOMER_ORDER)))
    return {table.name: counting.refresh(table, seen) for table, seen in inputs.items()}


@dataclass(frozen=True)
class _Counting:
    """The inputs of one refresh."""

    lake: Lake
    through: dt.date | None
    zone: str
    look_back: dt.timedelta
    paths: Handle
    groups: Handle
    orders: Handle

    def refresh(self, table: LakeTable, inputs: Mapping[str, int]) -> Refreshed:
        handle = self.lake.open(table)
        rebuild = rebuild_due(self.lake, handle)
        seen = {**inputs, **rebuild.seen()}
        done = recorded_inputs(handle, seen)
        if done == seen:
            return unchanged(handle)
        read = [self.paths, self.groups, *([self.orders] if table is CONVERSION_PATH_SALES else [])]
        positions = {**seen, **{name: number for one in read for name, number in version_read(one).items()}}
        is_other = None in done.values() or rebuild.is_due or done.get(_SETTINGS) != seen.get(_SETTINGS)
        changed = None if is_other else self._changed(handle, read)
        if changed is None:
            return write(self.lake, handle, self._rows(table, pl.lit(value=True)), positions)
        if (before := done.get(_THROUGH)) != seen.get(_THROUGH):
            changed = pl.concat([changed, self._closed(dt.date.fromordinal(before) if before else None)])
        months = in_months(changed.unique())
        return write(self.lake, handle, self._rows(table, months), positions, replaced=months)

    def _rows(self, table: LakeTable, months: pl.Expr) -> pl.DataFrame:
        paths, groups = self.paths.scan().filter(months), self.groups.scan()
        if table is CONVERSION_PATH:
            rows = conversion_path(paths, groups, self.through, self.zone, self.look_back)
        else:
            rows = conversion_path_sales(paths, groups, self.orders.scan().filter(months))
        return rows.collect(engine="streaming")

    def _changed(self, fact: Handle, read: Sequence[Handle]) -> pl.Series | None:
        """Return the months in which paths, orders or the names of paths differ; None: a version read is gone."""
        before = {one.table: as_read(self.lake, fact, one) for one in read}
        groups = before.pop(GROUP)
        was = None if groups is None else rows_read(groups, lambda rows: rows.select(_NAMED))
        if was is None:
            return None
        months = [self._renamed(in_one_only(was, self.groups.scan().select(_NAMED).collect())["group_id"])]
        for one in read:
            if one is not self.groups:
                then = before[one.table]
                if then is None:
                    return None
                months.append(changed_months(then, one))
        return pl.concat(months)

    def _renamed(self, groups: pl.Series) -> pl.Series:
        """Return the months of paths that go through one of these groups."""
        if groups.is_empty():
            return pl.Series("month", [], pl.Date)
        points = self.paths.scan().select("month", touchpoint="touchpoints").explode("touchpoint", empty_as_null=False)
        named = points.filter(pl.col("touchpoint").is_in(groups.unique().implode()))
        return named.select(pl.col("month").unique()).collect(engine="streaming").to_series()

    def _closed(self, through: dt.date | None) -> pl.Series:
        """Return the months of paths that are open by one of two last complete days, and closed by the other."""
        was, is_now = (still_open(day, self.zone, self.look_back) for day in (through, self.through))
        paths = self.paths.scan().filter(pl.col("order_id").is_null(), was != is_now)
        if through is not None and self.through is not None:
            earliest = min(through, self.through) - self.look_back - _DAYS
            paths = paths.filter(pl.col("month") >= pl.lit(earliest.replace(day=1), pl.Date))
        return paths.select(pl.col("month").unique()).collect(engine="streaming").to_series()
