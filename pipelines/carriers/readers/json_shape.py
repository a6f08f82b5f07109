"""The shape of a JSON export by its first bytes: its fields, and their first values."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any, Final

import msgspec

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.readers.encoding import head_text
from pipelines.carriers.readers.json_stream import JsonStream, NotJson, Path
from pipelines.carriers.readers.source import Source

_DEPTH: Final = 5
_ELEMENTS: Final = 5
_LONGEST: Final = 4096


class Shape(dict[str, Any]):
    """Paths such as `messages[].id`, each with the first value found there; None for objects, lists and long texts."""

    def has(self, *paths: str) -> bool:
        """Whether all these paths exist."""
        return all(path in self for path in paths)


@lru_cache(maxsize=4)
def shape_of(source: Source) -> Shape:
    """Return the shape of a file's first document, by its head; empty if it is no JSON."""
    return shape_of_text(head_text(source))


@lru_cache(maxsize=4)
def shapes_of_lines(source: Source) -> tuple[Shape, ...]:
    """Return the shapes of the first lines of a JSONL file without comments; none if one of them is no JSON."""
    lines = [line for line in head_text(source).split("\n")[:_ELEMENTS] if line.strip() and not line.startswith("#")]
    shapes = tuple(map(shape_of_text, lines))
    return shapes if all(shapes) else ()


def shape_of_text(text: str) -> Shape:
    """Return the shape of a document or of its beginning."""
    shape = Shape()
    if not text.lstrip().startswith(("{", "[")):
        return shape

    def enters(path: Path) -> bool:
        if len(path) < _DEPTH and _is_early(path):
            shape.setdefault(_spelled(path), None)
            return True
        return False

    stream = JsonStream([text.encode(errors="replace")], Counter())
    try:
        for path, value in stream.values(enters, _is_early):
            if shape.get(spelled := _spelled(path)) is None:
                shape[spelled] = _scalar(value)
    except NotJson:
        return Shape()
    return shape


def _is_early(path: Path) -> bool:
    return all(isinstance(part, str) or part < _ELEMENTS for part in path)


def _spelled(path: Path) -> str:
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _scalar(value: bytes) -> Any:
    if len(value) > _LONGEST or value.startswith((b"{", b"[")):
        return None
    try:
        return msgspec.json.decode(value)
    except JSON_ERRORS:
        return None
