"""Which version of a table a fact read, so that the next refresh can read what differs from it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipelines.lake import Handle, Lake
from pipelines.lake_damage import LakeDamaged
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


def _numbers(table: Handle) -> dict[str, int]:
    """Its Delta version, and a number for the names of its files: a restored backup gives version numbers again."""
    name = table.table.name
    return {f"{name}/version": table.version, f"{name}/files": int(table.files_id, 16) >> 1}
