"""Read CSV as frames of texts, block by block, in any encoding and with rows of any length."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import polars as pl

from pipelines.carriers.readers.base import UnreadableExport
from pipelines.carriers.readers.encoding import Progress, head_text, texts
from pipelines.carriers.readers.source import Source

LONG_ROWS: Final = "rows with more cells than the head: the rest left out"

N_CELLS: Final = "n_cells"

_ROWS: Final = 20_000
_LONGEST_CELL: Final = 16 * 1024 * 1024


def header_of(source: Source) -> tuple[str, ...]:
    """Return the names in the first row of a file; none if it is no table."""
    try:
        return tuple(name.strip() for name in next(csv.reader(head_text(source).split("\n", 1)[:1]), ()))
    except csv.Error:
        return ()


def frames(
    source: Source, repairs: Counter[str], progress: Progress, needed: Collection[str] = ()
) -> Iterator[pl.DataFrame]:
    """Read the rows below the header: a String column per name, null where a row is too short, and `n_cells`.

    Raises:
        UnreadableExport: a needed column is missing, two have one name, or a cell is longer than 16 MB.
    """
    csv.field_size_limit(_LONGEST_CELL)
    try:
        yield from _frames(source, csv.reader(_lines(texts(source, repairs, progress))), repairs, needed)
    except csv.Error as error:
        raise UnreadableExport(f"It is no table: {error}.", "Export it again.", source.place) from error


def _frames(
    source: Source, rows: Iterator[list[str]], repairs: Counter[str], needed: Collection[str]
) -> Iterator[pl.DataFrame]:
    names = [name.strip() for name in next(rows, ())]
    missing = [name for name in needed if name not in names]
    if missing or len({*names, N_CELLS}) <= len(names):
        cause = f"It has no column {', '.join(missing)}" if missing else "Two of its columns have one name"
        raise UnreadableExport(f"{cause}; there are {', '.join(names) or 'none'}.", "Export it again.", source.place)
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
    schema = dict.fromkeys([*names, N_CELLS], pl.String)
    return pl.DataFrame(rows, schema, orient="row").cast({N_CELLS: pl.UInt32})


def _lines(blocks: Iterator[str]) -> Iterator[str]:
    rest = ""
    for block in blocks:
        *whole, rest = (rest + block).split("\n")
        for line in whole:
            yield line.removesuffix("\r").replace("\r", " ") + "\n"
    if rest:
        yield rest.removesuffix("\r").replace("\r", " ")
