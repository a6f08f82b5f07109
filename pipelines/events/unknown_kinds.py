"""Events of unknown type, and the kind that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

import polars as pl

from pipelines.carriers.base import REJECTED_SCHEMA
from schemas import kinds

_COMPARED: Final = 100
"""At most this many distinct types per batch are compared with the kinds, which bounds the cost of noise."""


def unknown_detail(types: Collection[str]) -> pl.Expr:
    """Return the detail for the column `type`, given the unknown types."""
    compared = sorted(types)[:_COMPARED]
    nearest = {name: get_close_matches(name, kinds.REQUIRED, n=1) for name in compared}
    hints = {name: f"; the nearest is {found[0]}" for name, found in nearest.items() if found}
    hint = pl.col("type").replace_strict(hints, default="", return_dtype=pl.String) if hints else pl.lit("")
    return pl.format("{} is no kind of event{}", pl.col("type"), hint)


def unknown_kinds(events: pl.DataFrame) -> pl.DataFrame:
    """Return the events of unknown type, as `REJECTED_SCHEMA`; `events` has `row` and `type`."""
    found = events.select("row", "type").filter(~pl.col("type").is_in(list(kinds.REQUIRED)))
    if found.is_empty():
        return pl.DataFrame(schema=REJECTED_SCHEMA)
    detail = unknown_detail(set(found["type"]))
    return found.select("row", reason=pl.lit("unknown_kind"), detail=detail)
