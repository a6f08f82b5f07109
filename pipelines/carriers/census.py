"""Count the paths of JSON payloads: names and types, never a value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import polars as pl

from pipelines.carriers.base import JSON_ERRORS

CENSUS: Final = pl.Schema({"path": pl.String(), "kind": pl.String(), "records": pl.Int64()})
"""Number of records in which a path has a value of this type. The path of the whole payload is empty."""

MAX_PATHS: Final = 2_000
"""Most pairs of path and type that are counted; others are counted under the path `…`."""

_MAX_NAMES: Final = 64
_MAX_DEPTH: Final = 12
_NAME: Final = re.compile(r"[A-Za-z_@$][A-Za-z_@$-]{0,39}\d{0,2}\Z")
_KINDS: Final = {str: "string", int: "integer", float: "fraction", bool: "boolean", dict: "object", list: "list"}


def census(values: Iterable[bytes]) -> pl.DataFrame:
    """Count the records that have each path, by the type of its value.

    Names that are data are replaced by `*`: names with a long number or a blank, and all names of an object with more
    than 64.

    Returns:
        `CENSUS`, sorted.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for value in values:
        try:
            found = set(_paths(msgspec.json.decode(value)))
        except JSON_ERRORS:
            found = {("", "no JSON")}
        counts.update({pair if pair in counts or len(counts) < MAX_PATHS else ("…", "any") for pair in found})
    rows = [(path, kind, records) for (path, kind), records in counts.items()]
    return pl.DataFrame(rows, schema=CENSUS, orient="row").sort("path", "kind")


def _paths(payload: object) -> Iterator[tuple[str, str]]:
    waiting = [("", payload, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        yield path, _KINDS.get(type(value), "null")
        if depth == _MAX_DEPTH:
            continue
        if isinstance(value, dict):
            is_map = len(value) > _MAX_NAMES
            for name, inner in value.items():
                word = "*" if is_map or not _NAME.match(name) else name
                waiting.append((f"{path}.{word}" if path else word, inner, depth + 1))
        elif isinstance(value, list):
            waiting.extend((f"{path}[]", inner, depth + 1) for inner in value)
