"""Paths into JSON, as arrays that compiled code can read.

A path is names with dots between them; `[]` behind a name stands for each element of the list there. `sender.id` leads
to one scalar of a value, `users[].user_id.union_id` to one of each element of `users`. What stands before the last
`[]`, with it, is the path's level: `""` for a value itself, `users[]` for the elements of `users`. The rest is the name
of its field in the level, empty where an element itself is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

MISSING_KIND: Final = 0
NULL_KIND: Final = 1
STRING_KIND: Final = 2
INTEGER_KIND: Final = 3
FRACTION_KIND: Final = 4
BOOLEAN_KIND: Final = 5
OBJECT_KIND: Final = 6
LIST_KIND: Final = 7

MAX_DEPTH: Final = 64
"""Containers in each other that are read; msgspec reads more."""

LONGEST_NAME: Final = 32
"""Bytes; longer names are searched among all such."""

ELEMENT: Final = "[]"

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
"""A place that a path leads to or through. `name` is a position in the table's text, `element` the node of the elements
of a list here, or -1, `level` that of its rows, and `field` its number there, or -1; `column` is left to the reader."""

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
"""Rows of one kind. It has a column a field, from `column` on, each with `room` rows, and of its rows the places from
`first` on. `count` is how many rows it has, `kept` how many it had before the value that is read."""


@dataclass(frozen=True)
class PathTable:
    """A tree of paths.

    Attributes:
        levels: name of each level -> names of its fields; the first level is `""`, and each stands behind that above.
        above: for each level the number of that above; the first has none, and 0 here.
        nodes: [n] of `NODE`; the first is the value itself. Children of a node stand together, in order of the length
            of their names.
        firsts: [n, `LONGEST_NAME` + 2] for each node and length the first child whose name is at least so long; those
            of `LONGEST_NAME` and more are together.
        text: all names.
    """

    levels: dict[str, tuple[str, ...]]
    above: tuple[int, ...]
    nodes: NDArray[np.void]
    firsts: NDArray[np.int32]
    text: NDArray[np.uint8]

    @classmethod
    def of(cls, paths: Iterable[str]) -> PathTable:
        """The table of some paths; one that is given twice is there once."""
        return _table(tuple(dict.fromkeys(paths)))


class _Node:
    def __init__(self, level: str) -> None:
        self.level = level
        self.field = -1
        self.children: dict[str, _Node] = {}
        self.element: _Node | None = None


def steps(path: str) -> list[str]:
    """The names and `ELEMENT`s that a path consists of."""
    found = []
    for name in path.split("."):
        bare = name.removesuffix(ELEMENT)
        n_lists = 0
        while bare.endswith(ELEMENT):
            bare, n_lists = bare.removesuffix(ELEMENT), n_lists + 1
        found += [bare] * bool(bare) + [ELEMENT] * (n_lists + (bare != name))
    return found


def level_and_field(path: str) -> tuple[str, str]:
    """The level of a path, and the name of its field there."""
    before, mark, name = path.rpartition(ELEMENT)
    return before + mark, name.removeprefix(".")


@lru_cache(256)
def _table(paths: Sequence[str]) -> PathTable:
    levels: dict[str, list[str]] = {"": []}
    above: dict[str, int] = {"": 0}
    root = _Node("")
    for path in paths:
        node, at = root, ""
        for step in steps(path):
            at = at + step if step == ELEMENT or not at else f"{at}.{step}"
            if step != ELEMENT:
                node = node.children.setdefault(step, _Node(node.level))
            else:
                if at not in levels:
                    above[at] = list(levels).index(node.level)
                    levels[at] = []
                node.element = node.element or _Node(at)
                node = node.element
        level, name = level_and_field(path)
        node.field = len(levels[level])
        levels[level].append(name)
    return _arrays(root, levels, above)


def _arrays(root: _Node, levels: dict[str, list[str]], above: dict[str, int]) -> PathTable:
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
        number = list(levels).index(node.level)
        rows.append((len(text), len(encoded), bool(children), element, number, node.field, -1))
        text += encoded
    return PathTable(
        levels={name: tuple(fields) for name, fields in levels.items()},
        above=tuple(above.values()),
        nodes=np.array(rows, NODE),
        firsts=np.array(firsts, np.int32),
        text=np.frombuffer(bytes(text) or b"\0", np.uint8),
    )
