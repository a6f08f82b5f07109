"""Places in payloads: find scalars, and put others there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Place = tuple[str | int, ...]
"""Names of fields and positions in lists, from the payload on."""


def scalars(value: Any, place: Place = ()) -> Iterator[tuple[Place, str | int]]:
    """Yield the texts and whole numbers of a payload with their places."""
    match value:
        case bool():
            return
        case str() | int():
            yield place, value
        case dict():
            for name, inner in value.items():
                yield from scalars(inner, (*place, name))
        case list():
            for index, inner in enumerate(value):
                yield from scalars(inner, (*place, index))


def replaced(value: Any, place: Sequence[str | int], by: object) -> Any:
    """Return a payload with another value at a place."""
    if not place:
        return by
    first, *rest = place
    if isinstance(value, dict):
        return value | {str(first): replaced(value[first], rest, by)}
    index = int(first)
    return [*value[:index], replaced(value[index], rest, by), *value[index + 1 :]]
