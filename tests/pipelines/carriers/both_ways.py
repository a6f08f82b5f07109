"""What compiled code reads of payloads beside what the authority reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from pipelines.carriers.json_levels import ScannedLevels
from pipelines.carriers.levels import Levels
from pipelines.carriers.mapping.columns import read_columns
from pipelines.carriers.mapping.paths import Path
from pipelines.carriers.mapping.rows import fields_of, read_rows


def fields(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return fields_of(map(Path.parse, paths))


def as_rows(levels: Levels) -> dict[str, list[dict[str, Any]]]:
    return {
        name: level.fields.with_columns(**{"#parent": level.parent, "#index": level.index}).to_dicts()
        for name, level in levels.items()
    }


def assert_what_is_accepted_is_right(
    values: list[bytes], paths: Sequence[str], column: pl.Series | None = None
) -> ScannedLevels:
    column = pl.Series(values, dtype=pl.Binary) if column is None else column
    read = read_columns(column, fields(paths))
    assert len(read.accepted) == len(values)
    kept = [value for value, is_kept in zip(values, read.accepted, strict=True) if is_kept]
    rows, levels, _ = read_rows(kept, fields(paths))
    assert rows == list(range(len(kept))), "what is accepted is an object"
    assert as_rows(read.of_accepted()) == as_rows(levels)
    return read
