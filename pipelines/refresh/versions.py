"""The version of a table that a fact read, and the difference to the current one."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged
from pipelines.lake_months import changed_months, in_months
from pipelines.refresh.written import input_id, recorded


def version_read(table: Handle) -> dict[str, int]:
    """Return the table version that a fact records, beside the inputs that decide whether it is outdated."""
    return {input_id(name): number for name, number in _numbers(table).items()}


def as_read(lake: Lake, fact: Handle, table: Handle) -> Handle | None:
    """Open a table in the version that a fact read; None if it is unknown or no longer in the lake."""
    wanted = {name: recorded(fact, name) for name in _numbers(table)}
    if wanted == _numbers(table):
        return table
    version = wanted[f"{table.table.name}/version"]
    before = None if version is None else lake.at(table, version)
    return before if before is not None and _numbers(before) == wanted else None


def rows_read(table: Handle, chosen: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame | None:
    """Return rows of a table in the version that a fact read; None if a file of that version is missing."""
    try:
        return chosen(table.scan()).collect(engine="streaming")
    except (LakeDamaged, FileNotFoundError):
        return None


def changed_since(
    lake: Lake, fact: Handle, table: Handle, chosen: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda rows: rows
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Return the rows, before and now, of the months in which a table can differ from the version that a fact read.

    Args:
        lake: The lake with both.
        fact: A fact that recorded `version_read` of the table.
        table: A table partitioned by month.
        chosen: Selects what is needed from the rows of some months.

    Returns:
        None if the version that was read is no longer in the lake.
    """
    before = as_read(lake, fact, table)
    if before is None:
        return None
    is_there = in_months(changed_months(before, table))
    was = rows_read(before, lambda rows: chosen(rows.filter(is_there)))
    return None if was is None else (was, chosen(table.scan().filter(is_there)).collect(engine="streaming"))


def _numbers(table: Handle) -> dict[str, int]:
    """Return its Delta version and a hash of its file names: after a restored backup, version numbers repeat."""
    name = table.table.name
    return {f"{name}/version": table.version, f"{name}/files": int(table.files_id, 16) >> 1}
