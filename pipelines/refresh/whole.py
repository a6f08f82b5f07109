"""Refresh small facts that are computed as a whole from other facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from pipelines.lake import Lake
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, input_id, recorded_inputs, rows_version, unchanged, write
from schemas.lake import LakeTable


def inputs_of(lake: Lake, *tables: LakeTable, **others: int) -> dict[str, int]:
    """Return content numbers of input tables, and other numbers such as fingerprints of settings or definitions.

    Call it before reading the inputs: a commit in between is then not recorded, and is computed again next time.
    """
    return {**{table.name: rows_version(lake.open(table)) for table in tables}, **others}


def as_recorded(inputs: Mapping[str, int]) -> dict[str, int]:
    """Return the inputs under the names by which a fact records them."""
    return {input_id(name): version for name, version in inputs.items()}


def refresh_whole(
    lake: Lake, table: LakeTable, inputs: Mapping[str, int], compute: Callable[[], pl.LazyFrame]
) -> Refreshed:
    """Recompute a fact from scratch if any of its inputs changed since its last commit.

    The contents are replaced only if they differ, so that dependent facts are not refreshed in vain.
    """
    handle = lake.open(table)
    seen = as_recorded(inputs) | rebuild_due(lake, handle).seen()
    if recorded_inputs(handle, seen) == seen:
        return unchanged(handle)
    fresh = compute().select(table.schema.names()).collect(engine="streaming")
    return write(lake, handle, fresh, seen)
