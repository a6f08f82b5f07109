"""Read a column of JSON or XML to rows of scalars by paths, for values that the compiled readers surely read right."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.carriers.base import MAX_VALUE_BYTES
from pipelines.carriers.binary_views import BinaryViews
from pipelines.carriers.json_paths import LEVEL, MAX_DEPTH, PathTable
from pipelines.carriers.json_scan import (
    BLOCK,
    MOST_ATTRIBUTES,
    VIEW_ROOM,
    VIEW_WORDS,
    XML_FRAME,
    scan_paths,
    scan_xml,
)
from pipelines.carriers.levels import BOOLEAN, KIND, STRING, Level, Levels
from pipelines.carriers.mapping.paths import TOP, above

_PART_ROWS: Final = 20_000
"""Minimum number of values per thread."""

_ELEMENTS: Final = 4.0
"""Expected number of list elements per value."""

_LEAST_ROOM: Final = 64
"""Minimum room for list elements."""


@dataclass(frozen=True)
class ScannedLevels:
    """Levels read from a column of values.

    Attributes:
        accepted: [values] Boolean: whether the value was read. Others may still be valid and are left to msgspec.
        levels: Levels of all values; rows of values that are not accepted are undefined.
    """

    accepted: pl.Series
    levels: Levels

    def of_accepted(self) -> Levels:
        """Return the levels of the accepted values only; `parent` refers to these."""
        if self.accepted.all():
            return self.levels
        kept: dict[str, Level] = {}
        places: dict[str, pl.Series] = {}
        for name, level in self.levels.items():
            keep = self.accepted.gather(self.values_of(name))
            places[name] = keep.cum_sum().cast(pl.UInt32) - 1
            fields = level.fields.filter(keep) if level.fields.width else pl.DataFrame(height=int(keep.sum()))
            parent = places[above(name)].gather(level.parent.filter(keep))
            kept[name] = Level(fields, parent, level.index.filter(keep))
        return kept

    def values_of(self, name: str) -> pl.Series:
        """Return the value of each row of a level."""
        rows = self.levels[name].parent
        while name := above(name):
            rows = self.levels[name].parent.gather(rows)
        return rows


def read_levels(
    values: pl.Series, fields: Mapping[str, Sequence[str]], *, only_objects: bool = False, is_xml: bool = False
) -> ScannedLevels:
    """Read the fields of each level from JSON or XML; a string without escapes is not copied.

    Args:
        values: Binary, without nulls; XML as UTF-8. What is surely no XML is accepted, without fields.
        fields: As in `PathTable`.
        only_objects: Whether to accept only objects of JSON.
        is_xml: Whether they are XML.
    """
    table = PathTable.of(fields)
    given = BinaryViews.of(values)
    n_parts = max(1, min(pl.thread_pool_size(), len(values) // _PART_ROWS))
    bounds = [len(values) * part // n_parts for part in range(n_parts + 1)]

    def scanned(begin: int, end: int) -> list[ScannedLevels]:
        return list(_scanned(given, table, begin, end, only_objects=only_objects, is_xml=is_xml))

    with ThreadPoolExecutor(n_parts) as threads:
        parts = [one for part in threads.map(scanned, bounds, bounds[1:]) for one in part]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _scanned(
    given: BinaryViews, table: PathTable, begin: int, end: int, *, only_objects: bool, is_xml: bool
) -> Iterator[ScannedLevels]:
    """Read a range of values, in as many pieces as their lists need."""
    elements = _ELEMENTS
    while True:
        piece = _Piece(given, table, given.views[begin:end], elements)
        if is_xml:
            piece.scan_xml()
        else:
            piece.scan_json(only_objects=only_objects)
        if not piece.n_read and begin < end:
            elements = 4 * elements + _LEAST_ROOM
            continue
        yield piece.read()
        begin += piece.n_read
        if begin >= end:
            return
        elements = max(elements, 1.5 * piece.levels["count"].max() / piece.n_read)


class _Piece:
    """Buffers that a compiled reader fills; see `json_scan.scan_paths` for their shapes."""

    def __init__(self, given: BinaryViews, table: PathTable, values: NDArray[np.uint32], elements: float) -> None:
        self.given = given
        self.table = table
        self.values = values
        self.n_read = 0
        self.accepted = np.zeros(len(values), np.bool_)
        n_fields = np.array([len(fields) for fields in table.levels.values()])
        room = np.full(len(n_fields), int(elements * len(values)) + _LEAST_ROOM)
        room[0] = len(values)
        self.levels = np.zeros(len(n_fields), LEVEL)
        self.levels["fields"] = n_fields
        self.levels["room"] = room
        self.levels["column"] = np.cumsum(n_fields * room) - n_fields * room
        self.levels["first"] = np.cumsum(room) - room
        self.nodes = table.nodes.copy()
        level = self.levels[self.nodes["level"]]
        column = level["column"] + self.nodes["field"] * level["room"]
        self.nodes["column"] = np.where(self.nodes["field"] < 0, -1, column)
        # Untouched memory costs nothing, so the buffers may be large.
        self.views = np.zeros(((n_fields * room).sum(), VIEW_WORDS), np.uint64)
        self.kinds = np.zeros(len(self.views), np.uint8)
        self.places = np.empty((room.sum(), 2), np.uint32)
        self.side = np.empty(VIEW_ROOM + int(values[:, 0].sum(dtype=np.int64)) + BLOCK, np.uint8)

    def scan_json(self, *, only_objects: bool) -> None:
        """Read values until the end, or until there is no room for a list element."""
        working = np.zeros((MAX_DEPTH, 4), np.int64), np.zeros(len(self.nodes), np.int64)
        side = self._side()
        self.n_read = scan_paths(*self._given(), *working, side, *self._filled(), only_objects)
        self._end(side)

    def scan_xml(self) -> None:
        """Read values as `scan_json` does."""
        working = np.zeros((MAX_DEPTH, XML_FRAME), np.int64), np.zeros((len(self.nodes), 2), np.int64)
        known = np.zeros((MOST_ATTRIBUTES, 2), np.int64)
        side = self._side()
        self.n_read = scan_xml(*self._given(), *working, known, side, *self._filled())
        self._end(side)

    def _given(self) -> tuple[Any, ...]:
        of_values = (self.values, self.values.ctypes.data, self.given.addresses, MAX_VALUE_BYTES)
        return (*of_values, self.nodes, self.table.firsts, self.table.text.ctypes.data, self.levels)

    def _side(self) -> NDArray[np.int64]:
        start = self.side.ctypes.data
        return np.array([start, start + VIEW_ROOM, len(self.given.contents), 0], np.int64)

    def _filled(self) -> tuple[NDArray[Any], ...]:
        return self.views, self.kinds, self.places, self.accepted

    def _end(self, side: NDArray[np.int64]) -> None:
        self.levels["count"][0] = self.n_read
        self.side = self.side[: side[1] - side[0]]

    def read(self) -> ScannedLevels:
        """Return what was read; rows of values and elements are counted from 0."""
        contents = [*self.given.contents, pa.py_buffer(self.side)]
        levels = {}
        for number, (name, fields) in enumerate(self.table.levels.items()):
            count = int(self.levels["count"][number])
            first = self.levels["first"][number]
            parent, index = self.places[first : first + count].T
            if name == TOP:
                parent, index = np.arange(count, dtype=np.uint32), np.zeros(count, np.uint32)
            columns = [column for field in range(len(fields)) for column in self._columns(number, field, contents)]
            names = [column for field in fields for column in (field, field + KIND)]
            places = pl.DataFrame({"parent": parent, "index": index})
            named = (column.alias(name) for name, column in zip(names, columns, strict=True))
            read = places.with_columns(named).select(names) if names else pl.DataFrame(height=count)
            levels[name] = Level(read, places["parent"], places["index"])
        return ScannedLevels(pl.Series("accepted", self.accepted[: self.n_read]), levels)

    def _columns(self, level: int, field: int, contents: list[pa.Buffer]) -> tuple[pl.Expr, pl.Expr]:
        """Return the text of a field's scalars, and their kinds."""
        of = self.levels[level]
        rows = slice(of["column"] + field * of["room"], of["column"] + field * of["room"] + of["count"])
        kinds = self.kinds[rows]
        is_scalar = kinds - np.uint8(STRING) <= BOOLEAN - STRING
        # A literal takes no memory, here and downstream.
        text = pl.lit(None, pl.String)
        if is_scalar.any():
            validity = None if is_scalar.all() else pa.py_buffer(np.packbits(is_scalar, bitorder="little"))
            buffers = [validity, pa.py_buffer(self.views[rows]), *contents]
            text = pl.lit(pl.Series(pa.Array.from_buffers(pa.string_view(), len(kinds), buffers)))
        if len(kinds) and kinds.min() == kinds.max():
            return text, pl.lit(kinds[0], pl.UInt8)
        return text, pl.lit(pl.Series(pa.Array.from_buffers(pa.uint8(), len(kinds), [None, pa.py_buffer(kinds)])))


def _joined(parts: Sequence[ScannedLevels]) -> ScannedLevels:
    """Return the concatenated parts."""
    levels = {}
    begins: dict[str, list[int]] = {}
    for name in parts[0].levels:
        pieces = [part.levels[name] for part in parts]
        begins[name] = [0, *itertools.accumulate(len(piece.parent) for piece in pieces)]
        levels[name] = Level(
            pl.concat([piece.fields for piece in pieces]),
            pl.concat([piece.parent + begin for piece, begin in zip(pieces, begins[above(name)], strict=False)]),
            pl.concat([piece.index for piece in pieces]),
        )
    return ScannedLevels(pl.concat([part.accepted for part in parts]), levels)
