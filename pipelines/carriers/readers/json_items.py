"""Stream the objects of lists in JSON files of any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from pipelines.carriers.readers.base import UnreadableExport
from pipelines.carriers.readers.encoding import Progress, texts
from pipelines.carriers.readers.json_stream import JsonStream, NotJson, Path, decode_item
from pipelines.carriers.readers.source import Source

Pattern = tuple[str, ...]
"""Names of fields on the path to a list, without list positions: `("chunks", "messages")`."""


def items(source: Source, repairs: Counter[str], progress: Progress, *lists: Pattern) -> Iterator[tuple[Path, Any]]:
    """Yield the objects of the lists at these paths of a document, with their paths.

    Raises:
        UnreadableExport: the document is no JSON outside of the items.
    """
    ways = {pattern[:length] for pattern in lists for length in range(len(pattern) + 1)}
    return _decoded(
        source,
        repairs,
        progress,
        lambda path: _names(path) in ways and not _is_item(path, lists),
        lambda path: _is_item(path, lists),
    )


def fields(source: Source, *names: str) -> dict[str, Any]:
    """Return top-level fields of a document, at any position; they should not be long lists.

    Raises:
        UnreadableExport: it is no JSON.
    """
    wanted = _decoded(source, Counter(), Progress(), lambda path: not path, lambda path: path[0] in names, of_all=True)
    found: dict[str, Any] = {}
    for path, value in wanted:
        found[str(path[0])] = value
        if len(found) == len(names):
            break
    return found


def section(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a field that is an object; an empty one if it is not."""
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _decoded(
    source: Source,
    repairs: Counter[str],
    progress: Progress,
    enters: Callable[[Path], bool],
    wants: Callable[[Path], bool],
    *,
    of_all: bool = False,
) -> Iterator[tuple[Path, Any]]:
    stream = JsonStream((block.encode() for block in texts(source, repairs, progress)), repairs)
    try:
        for path, value in stream.values(enters, wants):
            item = decode_item(value, repairs)
            if of_all or isinstance(item, dict):
                yield path, item
    except NotJson as error:
        raise UnreadableExport(f"It is no JSON: {error}.", "Export it again.", source.place) from error


def _names(path: Path) -> Pattern:
    return tuple(part for part in path if isinstance(part, str))


def _is_item(path: Path, lists: tuple[Pattern, ...]) -> bool:
    return bool(path) and isinstance(path[-1], int) and _names(path) in lists
