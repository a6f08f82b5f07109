"""Which version of a table a fact read, and what differs from it now."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged
from pipelines.lake_months import changed_months, in_months
from pipelines.refresh.written import input_id, recorded


def version_read(table: Handle) -> dict[str, int]:
    """What a fact records of a table that it reads, beside the inputs by which it knows whether it lags behind."""
    return {input_id(name): number for name, number in _numbers(table).items()}


def as_read(lake: Lake, fact: Handle, table: Handle) -> Handle | None:
    """A table as a fact read it; None where that is not known, or the lake has not got it any more."""
    wanted = {name: recorded(fact, name) for name in _numbers(table)}
    if wanted == _numbers(table):
        return table
    version = wanted[f"{table.table.name}/version"]
    before = None if version is None else lake.at(table, version)
    return before if before is not None and _numbers(before) == wanted else None


def rows_read(table: Handle, chosen: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame | None:
    """Rows of a table as a fact read it; None where a file of that version is gone."""
    try:
        return chosen(table.scan()).collect(engine="streaming")
    except (LakeDamaged, FileNotFoundError):
        return None


def changed_since(
    lake: Lake, fact: Handle, table: Handle, chosen: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda rows: rows
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Rows of the months in which a table can differ from what a fact read of it: as they were, and as they are.

    Args:
        lake: holds both.
        fact: recorded `version_read` of the table.
        table: is partitioned by month.
        chosen: what is needed of the rows of some months.

    Returns:
        None where the lake has not got the version that was read any more.
    """
    before = as_read(lake, fact, table)
    if before is None:
        return None
    is_there = in_months(changed_months(before, table))
    was = rows_read(before, lambda rows: chosen(rows.filter(is_there)))
    return None if was is None else (was, chosen(table.scan().filter(is_there)).collect(engine="streaming"))


def _numbers(table: Handle) -> dict[str, int]:
    """Its Delta version, and a number for the names of its files: a restored backup gives version numbers again."""
    name = table.table.name
    return {f"{name}/version": table.version, f"{name}/files": int(table.files_id, 16) >> 1}
