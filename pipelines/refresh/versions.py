"""The version of a table that a fact read, and the difference to the current one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from pipelines.frames import Changed
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


def changed_since(lake: Lake, fact: Handle, table: Handle) -> Changed | None:
    """Return the rows in which a table differs from the version that a fact read; None if that is unavailable.

    Args:
        lake: The lake with both.
        fact: A fact that recorded `version_read` of the table.
        table: The table.
    """
    before = as_read(lake, fact, table)
    return None if before is None else changed_between(lake, before, table)


def changed_between(lake: Lake, before: Handle, now: Handle, columns: Sequence[str] | None = None) -> Changed | None:
    """Return the rows in which two versions of a table differ; None if a file of the earlier one is missing.

    If this process wrote all that lies between, they are known; else the files that differ are compared, of tables by
    month those of months that differ.

    Args:
        lake: The lake of the table.
        before: The earlier version.
        now: The later one.
        columns: The columns to compare and return, the key among them; None: all.
    """
    table = now.table
    names = list(table.columns) if columns is None else list(columns)
    if before.files_id == now.files_id:
        return Changed.none(pl.DataFrame(schema=table.schema).select(names))
    kept = lake.loaded.changes.between(table.name, table.key, before.files_id, now.files_id)
    if kept is not None:
        return kept if columns is None else Changed.between(table.key, kept.gone.select(names), kept.come.select(names))
    is_there = in_months(changed_months(before, now)) if "month" in table.partition_by else pl.lit(value=True)
    was = rows_read(before, lambda rows: rows.filter(is_there).select(names))
    if was is None:
        return None
    rows = now.scan().filter(is_there).select(names).collect(engine="streaming")
    return Changed.between(table.key, was, rows)


def _numbers(table: Handle) -> dict[str, int]:
    """Return its Delta version and a hash of its file names: after a restored backup, version numbers repeat."""
    name = table.table.name
    return {f"{name}/version": table.version, f"{name}/files": int(table.files_id, 16) >> 1}
