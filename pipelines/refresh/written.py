"""How a refresh ends: the rows are stored where they differ, and what they include is noted either way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from pipelines.frames import in_one_only
from pipelines.inputs import input_id, recorded_input
from pipelines.lake import Handle, Lake

_ROWS: Final = "rows"
"""The application transaction that moves only when rows of a fact change, while its contents move with every note."""

_MONTH: Final = "month"
_ALL: Final = pl.lit(value=True)

REBUILT: Final = "rebuilt"
"""The application transaction of a table that holds the number of the newest rebuild that changed its rows."""

SETTINGS: Final = "settings"
"""The name under which facts note the fingerprint of the settings they depend on."""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: `rows` are the fact's rows now, the others what it recomputed, 0 where it does not count so.

    Of a fact built anew every day counts, and no person or group: all are.
    """

    is_changed: bool
    rows: int
    days: int = 0
    persons: int = 0
    groups: int = 0


REBUILD_INPUT: Final = input_id("rebuild")
"""The newest rebuild that a fact includes; see `pipelines.refresh.rebuilds`."""


def through_input(through: dt.date | None) -> dict[str, int]:
    """The last complete day, as a fact of complete days records it."""
    return {input_id("through"): 0 if through is None else through.toordinal()}


def noted(handle: Handle, names: Mapping[str, int]) -> dict[str, int | None]:
    """What a fact noted of these inputs at its last commit; None where it was told to forget it.

    Of rebuilds it is 0 where there was none: a fact that was never rebuilt is not one that includes nothing.
    """
    found = {name: recorded_input(handle, name) for name in names}
    return {name: 0 if number is None and name == REBUILD_INPUT else number for name, number in found.items()}


def recorded(fact: Handle, name: str) -> int | None:
    """The number that a fact noted of an input at its last commit; None where it has none of that name."""
    return recorded_input(fact, input_id(name))


def rows_version(handle: Handle) -> int:
    """A number that moves with the rows of a table; notes of a refresh that changed none leave it."""
    return handle.position(_ROWS) or handle.content


def unchanged(handle: Handle) -> Refreshed:
    """The outcome of a refresh that had nothing to do."""
    return Refreshed(is_changed=False, rows=handle.scan().select(pl.len()).collect().item())


def write(
    lake: Lake,
    handle: Handle,
    fresh: pl.DataFrame,
    seen: Mapping[str, int],
    recomputed: Refreshed = Refreshed(is_changed=False, rows=0),
    replaced: pl.Expr = _ALL,
) -> Refreshed:
    """Put fresh rows in the place of stored ones if they differ, and note the inputs of the fact.

    Of a fact partitioned by month only the months whose rows differ are written; any other is written as a whole.

    Args:
        lake: holds the fact.
        handle: of the fact, loaded before `fresh` was computed.
        fresh: the rows the fact is to have where `replaced` holds, in any order.
        seen: the inputs that the fact then includes.
        recomputed: what was counted on the way; the rest of it is filled in here.
        replaced: which stored rows are replaced, by default all; null: not this one.
    """
    is_replaced = replaced.fill_null(value=False)
    before = handle.scan().filter(is_replaced).collect(engine="streaming")
    is_changed = put(lake, handle, before, handle.scan().filter(~is_replaced), fresh, seen)
    return replace(recomputed, is_changed=is_changed, rows=unchanged(handle).rows)


def put(
    lake: Lake, handle: Handle, before: pl.DataFrame, kept: pl.LazyFrame, fresh: pl.DataFrame, seen: Mapping[str, int]
) -> bool:
    """Put fresh rows in the place of those before, beside those kept; see `write`.

    Returns:
        Whether they differ; if not, only the inputs are noted.
    """
    table, positions = handle.table, {**seen, **moved(handle, seen)}
    names = table.schema.names()
    before, fresh = before.select(names), fresh.select(names)
    if _MONTH in table.partition_by:
        months = fresh[_MONTH].unique() if before.is_empty() else in_one_only(before, fresh)[_MONTH].unique()
        if not months.is_empty():
            is_written = pl.col(_MONTH).is_in(months.implode())
            rows = pl.concat([kept.filter(is_written).collect(engine="streaming"), fresh.filter(is_written)])
            lake.replace_months(handle, rows, months, positions)
            return True
    elif not fresh.sort(table.key).equals(before.sort(table.key), null_equal=True):
        lake.replace(handle, pl.concat([kept.collect(engine="streaming"), fresh]), positions)
        return True
    note(lake, handle, seen)
    return False


def put_month_by_month(
    lake: Lake,
    handle: Handle,
    months: Collection[dt.date],
    compute: Callable[[dt.date], pl.DataFrame],
    seen: Mapping[str, int],
) -> bool:
    """Put all rows of a fact in the place of those stored, in one commit and one month at a time; see `put`.

    Args:
        lake: holds the fact.
        handle: of the fact.
        months: those that the fact has rows of, or is to have.
        compute: gives the rows of a month. Of a fact that was computed before it is asked twice for months that differ.
        seen: the inputs that the fact then includes.
    """
    differing = list(months) if not handle.content else [month for month in months if _differs(handle, month, compute)]
    if not differing:
        note(lake, handle, seen)
        return False
    parts = (compute(month) for month in differing)
    lake.replace_months_by_parts(handle, parts, differing, {**seen, **moved(handle, seen)})
    return True


def _differs(handle: Handle, month: dt.date, compute: Callable[[dt.date], pl.DataFrame]) -> bool:
    fresh = compute(month).select(handle.table.schema.names())
    before = handle.scan().filter(pl.col(_MONTH) == month).collect(engine="streaming")
    return not in_one_only(before, fresh).is_empty()


def note(lake: Lake, handle: Handle, seen: Mapping[str, int]) -> None:
    """Note the inputs of a fact whose rows they do not change."""
    lake.append(handle, pl.DataFrame(schema=handle.table.schema), {**seen, _ROWS: rows_version(handle)})


def moved(handle: Handle, seen: Mapping[str, int]) -> dict[str, int]:
    """The positions that say, in a commit, that it changes rows, and where it does so to rebuild, by which request."""
    number = seen.get(REBUILD_INPUT, 0)
    rebuilt = {REBUILT: number} if number > (handle.position(REBUILD_INPUT) or 0) else {}
    return {_ROWS: handle.content + 1, **rebuilt}
