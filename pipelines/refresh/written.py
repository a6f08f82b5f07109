"""End of a refresh: store rows that differ, and record the inputs either way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from pipelines.frames import Changed, in_one_only
from pipelines.inputs import input_id, recorded_input
from pipelines.lake import Handle, Lake
from pipelines.lake_changes import MOST_ROWS

_ROWS: Final = "rows"
"""The application transaction that changes only with rows of a fact; its contents number changes with every commit."""

_MONTH: Final = "month"
_ALL: Final = pl.lit(value=True)

REBUILT: Final = "rebuilt"
"""The application transaction with the number of the newest rebuild that changed a table's rows."""

SETTINGS: Final = "settings"
"""The input name of the fingerprint of a fact's settings."""


@dataclass(frozen=True)
class Refreshed:
    """Result of a refresh: `rows` is the fact's number of rows, the others count what was recomputed, 0 if not counted.

    In a full rebuild, days are counted but not persons or groups, since all are recomputed.
    """

    is_changed: bool
    rows: int
    days: int = 0
    persons: int = 0
    groups: int = 0


REBUILD_INPUT: Final = input_id("rebuild")
"""The input name of the newest rebuild that a fact includes; see `pipelines.refresh.rebuilds`."""


def through_input(through: dt.date | None) -> dict[str, int]:
    """Return the last complete day as an input of a fact."""
    return {input_id("through"): 0 if through is None else through.toordinal()}


def recorded_inputs(handle: Handle, names: Mapping[str, int]) -> dict[str, int | None]:
    """Return the numbers of these inputs that a fact recorded at its last commit; None after a reset.

    For rebuilds the default is 0, so that a fact that was never rebuilt does not count as reset.
    """
    found = {name: recorded_input(handle, name) for name in names}
    return {name: 0 if number is None and name == REBUILD_INPUT else number for name, number in found.items()}


def recorded(fact: Handle, name: str) -> int | None:
    """Return the number that a fact recorded for an input at its last commit; None if there is none."""
    return recorded_input(fact, input_id(name))


def rows_version(handle: Handle) -> int:
    """Return a number that changes with the rows of a table, but not with commits that only record inputs."""
    return handle.position(_ROWS) or handle.content


def unchanged(handle: Handle) -> Refreshed:
    """Return the result of a refresh that had nothing to do."""
    return Refreshed(is_changed=False, rows=handle.rows)


def write(
    lake: Lake,
    handle: Handle,
    fresh: pl.DataFrame,
    seen: Mapping[str, int],
    recomputed: Refreshed = Refreshed(is_changed=False, rows=0),
    replaced: pl.Expr = _ALL,
) -> Refreshed:
    """Replace stored rows by fresh ones if they differ, and record the inputs of the fact.

    In a fact partitioned by month, only months whose rows differ are written; any other fact is written as a whole.

    Args:
        lake: The lake of the fact.
        handle: Handle of the fact, loaded before `fresh` was computed.
        fresh: The new rows in place of the replaced ones, in any order.
        seen: The inputs that the fact includes afterwards.
        recomputed: Counts of what was recomputed; the rest is filled in here.
        replaced: Condition of the stored rows to replace, by default all; null: not replaced.
    """
    is_replaced = replaced.fill_null(value=False)
    before = handle.scan().filter(is_replaced).collect(engine="streaming")
    is_changed = put(lake, handle, before, handle.scan().filter(~is_replaced), fresh, seen)
    return replace(recomputed, is_changed=is_changed, rows=unchanged(handle).rows)


def write_groups(
    lake: Lake, handle: Handle, fresh: pl.DataFrame, seen: Mapping[str, int], groups: pl.Series | None
) -> Refreshed:
    """Replace the stored rows of some groups by fresh ones, None: of all; see `write`."""
    counted = Refreshed(is_changed=False, rows=0, groups=0 if groups is None else len(groups))
    return write(lake, handle, fresh, seen, counted, in_groups(groups))


def in_groups(groups: pl.Series | None) -> pl.Expr:
    """Return the condition of the rows of some groups; None: of all rows."""
    return _ALL if groups is None else pl.col("group_id").is_in(groups.implode())


def put(
    lake: Lake, handle: Handle, before: pl.DataFrame, kept: pl.LazyFrame, fresh: pl.DataFrame, seen: Mapping[str, int]
) -> bool:
    """Replace the rows before by fresh ones, beside the kept rows; see `write`.

    Returns:
        Whether they differ; if not, only the inputs are recorded.
    """
    table, positions = handle.table, {**seen, **rebuild_positions(handle, seen)}
    names = table.schema.names()
    before, fresh, files = before.select(names), fresh.select(names), handle.files_id
    changed = None if len(before) + len(fresh) > MOST_ROWS else Changed.between(table.key, before, fresh)
    differ = in_one_only(before, fresh) if changed is None else changed.rows
    if differ.is_empty():
        record_inputs(lake, handle, seen)
        return False
    if _MONTH in table.partition_by:
        months = differ[_MONTH].unique()
        is_written = pl.col(_MONTH).is_in(months.implode())
        rows = pl.concat([kept.filter(is_written).collect(engine="streaming"), fresh.filter(is_written)])
        lake.replace_months(handle, rows, months, positions)
    else:
        lake.replace(handle, pl.concat([kept.collect(engine="streaming"), fresh]), positions)
    if changed is not None:
        lake.loaded.changes.keep(table.name, files, handle.files_id, changed)
    return True


def put_month_by_month(
    lake: Lake,
    handle: Handle,
    months: Collection[dt.date],
    compute: Callable[[dt.date], pl.DataFrame],
    seen: Mapping[str, int],
) -> bool:
    """Replace all stored rows of a fact in one commit, computing one month at a time; see `put`.

    Args:
        lake: The lake of the fact.
        handle: Handle of the fact.
        months: Months in which the fact has or will have rows.
        compute: Returns the rows of a month. If the fact has rows, it is called twice for months that differ.
        seen: The inputs that the fact includes afterwards.
    """
    differing = list(months) if not handle.content else [month for month in months if _differs(handle, month, compute)]
    if not differing:
        record_inputs(lake, handle, seen)
        return False
    parts = (compute(month) for month in differing)
    lake.replace_months_by_parts(handle, parts, differing, {**seen, **rebuild_positions(handle, seen)})
    return True


def _differs(handle: Handle, month: dt.date, compute: Callable[[dt.date], pl.DataFrame]) -> bool:
    fresh = compute(month).select(handle.table.schema.names())
    before = handle.scan().filter(pl.col(_MONTH) == month).collect(engine="streaming")
    return not in_one_only(before, fresh).is_empty()


def record_inputs(lake: Lake, handle: Handle, seen: Mapping[str, int]) -> None:
    """Record the inputs of a fact whose rows do not change."""
    lake.append(handle, pl.DataFrame(schema=handle.table.schema), {**seen, _ROWS: rows_version(handle)})


def rebuild_positions(handle: Handle, seen: Mapping[str, int]) -> dict[str, int]:
    """Return the positions for a commit that changes rows, and, in a rebuild, the number of its request."""
    number = seen.get(REBUILD_INPUT, 0)
    rebuilt = {REBUILT: number} if number > (handle.position(REBUILD_INPUT) or 0) else {}
    return {_ROWS: handle.content + 1, **rebuilt}
