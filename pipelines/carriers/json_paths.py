"""Paths into JSON as arrays for compiled code; see `mapping.paths` for their syntax."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.carriers.mapping.paths import TOP, above, segments, steps

MAX_DEPTH: Final = 64
"""Deepest nesting that is read; msgspec reads deeper."""

LONGEST_NAME: Final = 32
"""Bytes; longer names share one list that is searched linearly."""

NODE: Final = np.dtype(
    [
        ("name", np.int32),
        ("name_length", np.int32),
        ("has_children", np.bool_),
        ("element", np.int32),
        ("level", np.int32),
        ("field", np.int32),
        ("column", np.int64),
    ]
)
"""A node that a path leads to or through. `name` is a position in the table's text, `element` the node of the elements
of a list here, or -1, `level` that of its rows, and `field` its number there, or -1; `column` is set by the reader."""

LEVEL: Final = np.dtype(
    [
        ("fields", np.int64),
        ("column", np.int64),
        ("room", np.int64),
        ("first", np.int64),
        ("count", np.int64),
        ("kept", np.int64),
    ]
)
"""A level of rows. It has a column per field, from `column` on, each with `room` rows, and places of its rows from
`first` on. `count` is its number of rows, `kept` that before the current value."""


@dataclass(frozen=True)
class PathTable:
    """A tree of paths.

    Attributes:
        levels: Name of each level -> names of its fields; the first level is `TOP`, and parents come before children.
        nodes: [n] of `NODE`; the first is the value itself. Children of a node are contiguous, sorted by the length of
            their names.
        firsts: [n, `LONGEST_NAME` + 2] for each node and length the first child whose name is at least so long; names
            from `LONGEST_NAME` on are together.
        text: All names.
    """

    levels: dict[str, tuple[str, ...]]
    nodes: NDArray[np.void]
    firsts: NDArray[np.int32]
    text: NDArray[np.uint8]

    @classmethod
    def of(cls, fields: Mapping[str, Sequence[str]]) -> PathTable:
        """Return the table of the fields of each level and of all levels above it.

        Names must have no documents in strings and no filters; an empty name is the element itself.
        """
        lists = tuple((level, tuple(names)) for level, names in fields.items() if level != TOP)
        return _table(tuple(fields[TOP]), lists)


class _Node:
    """A node, with `children` by name."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.field = -1
        self.children: dict[str, _Node] = {}
        self.element: _Node | None = None

    def at(self, names: Iterable[str]) -> _Node:
        """Return the node at a path of names below this one, created if it is missing."""
        node = self
        for name in names:
            node = node.children.setdefault(name, _Node(self.level))
        return node


@lru_cache(256)
def _table(top: tuple[str, ...], lists: tuple[tuple[str, tuple[str, ...]], ...]) -> PathTable:
    root = _Node(0)
    elements = {TOP: root}
    for level, _ in lists:
        *names, _ = steps(level)[len(steps(above(level))) :]
        elements[level] = elements[above(level)].at(map(str, names)).element = _Node(len(elements))
    levels = {TOP: top, **dict(lists)}
    for level, fields in levels.items():
        for field, name in enumerate(fields):
            elements[level].at(segments(name) if name else ()).field = field
    text = bytearray()
    placed: list[tuple[_Node, str]] = [(root, "")]
    firsts, rows = [], []
    for node, name in placed:
        children = sorted(node.children.items(), key=lambda child: len(child[0].encode()))
        lengths = [min(len(child.encode()), LONGEST_NAME) for child, _ in children]
        firsts.append(len(placed) + np.searchsorted(lengths, range(LONGEST_NAME + 2)))
        placed += [(child, child_name) for child_name, child in children]
        element = -1
        if node.element is not None:
            element = len(placed)
            placed.append((node.element, ""))
        encoded = name.encode()
        rows.append((len(text), len(encoded), bool(children), element, node.level, node.field, -1))
        text += encoded
    return PathTable(
        levels=levels,
        nodes=np.array(rows, NODE),
        firsts=np.array(firsts, np.int32),
        text=np.frombuffer(bytes(text) or b"\0", np.uint8),
    )
