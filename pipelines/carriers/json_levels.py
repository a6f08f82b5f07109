"""A column of JSON values -> rows of scalars by paths, for the values that the compiled reader is certain of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.carriers.base import MAX_VALUE_BYTES
from pipelines.carriers.binary_views import BinaryViews
from pipelines.carriers.json_paths import BOOLEAN_KIND, LEVEL, MAX_DEPTH, STRING_KIND, PathTable
from pipelines.carriers.json_scan import BLOCK, VIEW_ROOM, VIEW_WORDS, scan_paths

KIND: Final = ":kind"
"""Behind the name of a field: the column of its kinds."""

_PART_ROWS: Final = 20_000
"""Fewer values are not worth another thread."""

_ELEMENTS: Final = 4.0
"""How many elements of a list a value is thought to have."""

_LEAST_ROOM: Final = 64
"""Elements of a list that there is room for however few the values are."""


@dataclass(frozen=True)
class Level:
    """Rows of one level of the values.

    Attributes:
        fields: two columns a field: its scalar's text (String; null where there is none), and under its name with
            `KIND` its kind (UInt8, see `json_paths`).
        parent: UInt32, the row of the level above; None for the values themselves.
        index: UInt32, the position in its list; None for the values themselves.
    """

    fields: pl.DataFrame
    parent: pl.Series | None = None
    index: pl.Series | None = None


@dataclass(frozen=True)
class ScannedLevels:
    """What was read of a column of values.

    Attributes:
        accepted: [values] Boolean: was the value read. What is not accepted may still be right: ask msgspec.
        levels: name -> rows, as `PathTable.levels`; the level `""` has a row an accepted value.
    """

    accepted: pl.Series
    levels: dict[str, Level]


def read_levels(values: pl.Series, paths: Iterable[str]) -> ScannedLevels:
    """Read a Binary column, none of whose values is null, by paths; a string without escapes is not copied."""
    table = PathTable.of(paths)
    given = BinaryViews.of(values)
    n_parts = max(1, min(pl.thread_pool_size(), len(values) // _PART_ROWS))
    bounds = [len(values) * part // n_parts for part in range(n_parts + 1)]
    with ThreadPoolExecutor(n_parts) as threads:
        parts = threads.map(lambda begin, end: list(_scanned(given, table, begin, end)), bounds, bounds[1:])
        return _joined(table, [one for part in parts for one in part])


def _scanned(given: BinaryViews, table: PathTable, begin: int, end: int) -> Iterator[ScannedLevels]:
    """Read the values from one number to another, in as many pieces as their lists need."""
    elements = _ELEMENTS
    while True:
        piece = _Piece(given, table, given.views[begin:end], elements)
        piece.scan()
        if not piece.n_read and begin < end:
            elements = 4 * elements + _LEAST_ROOM
            continue
        yield piece.read()
        begin += piece.n_read
        if begin >= end:
            return
        elements = max(elements, 1.5 * piece.levels["count"].max() / piece.n_read)


class _Piece:
    """Memory that the compiled reader fills; see `json_scan.scan_paths` for its shapes."""

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
        # Memory that is not touched costs nothing, so there may be plenty of it.
        self.views = np.zeros(((n_fields * room).sum(), VIEW_WORDS), np.uint64)
        self.kinds = np.zeros(len(self.views), np.uint8)
        self.places = np.empty((room.sum(), 2), np.uint32)
        self.side = np.empty(VIEW_ROOM + int(values[:, 0].sum(dtype=np.int64)) + BLOCK, np.uint8)

    def scan(self) -> None:
        """Read values until the end, or until there is no room for an element of a list."""
        start = self.side.ctypes.data
        side = np.array([start, start + VIEW_ROOM, len(self.given.contents), 0], np.int64)
        self.n_read = scan_paths(
            *(self.values, self.values.ctypes.data, self.given.addresses, MAX_VALUE_BYTES),
            *(self.nodes, self.table.firsts, self.table.text.ctypes.data, self.levels),
            *(np.zeros((MAX_DEPTH, 4), np.int64), np.zeros(len(self.nodes), np.int64), side),
            *(self.views, self.kinds, self.places, self.accepted),
        )
        self.levels["count"][0] = self.n_read
        self.side = self.side[: side[1] - start]

    def read(self) -> ScannedLevels:
        """What was read, without the rows of values that were not accepted."""
        accepted = self.accepted[: self.n_read]
        contents = [*self.given.contents, pa.py_buffer(self.side)]
        levels = {}
        for number, (name, fields) in enumerate(self.table.levels.items()):
            columns = [column for field in range(len(fields)) for column in self._columns(number, field, contents)]
            names = [column for field in fields for column in (field, field + KIND)]
            count = self.levels["count"][number]
            rows = pl.DataFrame(pl.Series("rows", np.zeros(count, np.bool_)))
            frame = rows.with_columns(column.alias(name) for name, column in zip(names, columns, strict=True))
            if not number:
                kept = frame if accepted.all() else frame.filter(pl.Series(accepted))
                levels[name] = Level(kept.select(names))
                continue
            first = self.levels["first"][number]
            parent, index = self.places[first : first + count].T
            if not self.table.above[number]:
                parent = (np.cumsum(accepted, dtype=np.uint32) - np.uint32(1))[parent]
            levels[name] = Level(frame.select(names), pl.Series("parent", parent), pl.Series("index", index))
        return ScannedLevels(pl.Series("accepted", accepted), levels)

    def _columns(self, level: int, field: int, contents: list[pa.Buffer]) -> tuple[pl.Expr, pl.Expr]:
        """The text of a field's scalars, and their kinds."""
        of = self.levels[level]
        rows = slice(of["column"] + field * of["room"], of["column"] + field * of["room"] + of["count"])
        kinds = self.kinds[rows]
        is_scalar = kinds - np.uint8(STRING_KIND) <= BOOLEAN_KIND - STRING_KIND
        # A literal takes no memory, here and in all that follows.
        text = pl.lit(None, pl.String)
        if is_scalar.any():
            validity = None if is_scalar.all() else pa.py_buffer(np.packbits(is_scalar, bitorder="little"))
            buffers = [validity, pa.py_buffer(self.views[rows]), *contents]
            text = pl.lit(pl.Series(pa.Array.from_buffers(pa.string_view(), len(kinds), buffers)))
        if len(kinds) and kinds.min() == kinds.max():
            return text, pl.lit(kinds[0], pl.UInt8)
        return text, pl.lit(pl.Series(pa.Array.from_buffers(pa.uint8(), len(kinds), [None, pa.py_buffer(kinds)])))


def _joined(table: PathTable, parts: list[ScannedLevels]) -> ScannedLevels:
    """The parts below each other."""
    if len(parts) == 1:
        return parts[0]
    levels = {}
    begins: list[list[int]] = []
    for name, above in zip(table.levels, table.above, strict=True):
        pieces = [part.levels[name] for part in parts]
        heights = [_height(part, piece) for part, piece in zip(parts, pieces, strict=True)]
        begins.append([0, *itertools.accumulate(heights[:-1])])
        below = zip(pieces, begins[above], strict=True)
        parents = [piece.parent + begin for piece, begin in below if piece.parent is not None]
        indices = [piece.index for piece in pieces if piece.index is not None]
        levels[name] = Level(
            pl.concat([piece.fields for piece in pieces]),
            pl.concat(parents) if parents else None,
            pl.concat(indices) if indices else None,
        )
    return ScannedLevels(pl.concat([part.accepted for part in parts]), levels)


def _height(part: ScannedLevels, level: Level) -> int:
    """How many rows a level has, also one without fields."""
    return int(part.accepted.sum()) if level.parent is None else len(level.parent)
