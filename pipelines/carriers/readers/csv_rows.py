"""Tables in CSV as frames of texts, block by block, whatever their encoding and however long or short their rows."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from pipelines.carriers.readers.encoding import Progress, head_text, texts
from pipelines.carriers.readers.source import Source

LONG_ROWS: Final = "rows with more cells than the head: the rest left out"

_ROWS: Final = 20_000
_LONGEST_CELL: Final = 16 * 1024 * 1024


def header_of(source: Source) -> tuple[str, ...]:
    """Give the names of the first row of a file; none where it is no table."""
    try:
        return tuple(name.strip() for name in next(csv.reader(head_text(source).split("\n", 1)[:1]), ()))
    except csv.Error:
        return ()


def frames(source: Source, repairs: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
    """Read the rows below the head: a String column a name, null where a row is too short, and `n_cells`."""
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(_lines(texts(source, repairs, progress)))
    names = [name.strip() for name in next(rows, ())]
    taken: list[Sequence[str | None]] = []
    for row in rows:
        if not row:
            continue
        if len(row) > len(names):
            repairs[LONG_ROWS] += 1
        taken.append([*row[: len(names)], *[None] * (len(names) - len(row)), str(len(row))])
        if len(taken) == _ROWS:
            yield _frame(names, taken)
            taken = []
    yield _frame(names, taken)


def _frame(names: Sequence[str], rows: list[Sequence[str | None]]) -> pl.DataFrame:
    schema = dict.fromkeys([*names, "n_cells"], pl.String)
    return pl.DataFrame(rows, schema, orient="row").cast({"n_cells": pl.UInt32})


def _lines(blocks: Iterator[str]) -> Iterator[str]:
    rest = ""
    for block in blocks:
        *whole, rest = (rest + block).split("\n")
        for line in whole:
            yield line + "\n"
    if rest:
        yield rest
