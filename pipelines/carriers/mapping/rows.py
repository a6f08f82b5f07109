"""Read the fields that a mapping uses, value by value: the reference for how a payload is read.

Compiled code (`json_levels`) reads the same from most payloads, and leaves those that it is not certain of to this one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import unquote_plus

import msgspec
import polars as pl

from pipelines.carriers.base import JSON_ERRORS, MAX_VALUE_BYTES, REJECTED_SCHEMA
from pipelines.carriers.levels import (
    BOOLEAN,
    FRACTION,
    INTEGER,
    KIND,
    LIST,
    MISSING,
    NULL,
    OBJECT,
    STRING,
    WORDS,
    Level,
    Levels,
)
from pipelines.carriers.mapping.paths import (
    AS_JSON,
    AS_URL,
    AS_XML,
    HEADER,
    TOP,
    Elements,
    Path,
    above,
    segments,
    steps,
)
from pipelines.carriers.mapping.xml_payload import XmlError, parse_xml

_json: Final = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode())).decode
"""Fractions stay as they are written: no float holds every decimal."""

Format = Literal["json", "xml", "json_or_xml"]
"""How payloads are written. What may be either is XML if it begins with `<`."""

PARSERS: Final = {AS_JSON: _json, AS_XML: parse_xml, AS_URL: unquote_plus}
"""What reads a string that is a document."""

MALFORMED: Final = (*JSON_ERRORS, XmlError)
"""What they raise."""


@dataclass
class _Rows:
    names: Sequence[str]
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    kinds: dict[str, list[int]] = field(default_factory=dict)
    parent: list[int] = field(default_factory=list)
    index: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.texts = {name: [] for name in self.names}
        self.kinds = {name: [] for name in self.names}
        self.parts = {name: segments(name) if name else () for name in self.names if not name.startswith(HEADER)}

    def add(self, parent: int, index: int, value: Any, headers: Mapping[str, str]) -> None:
        self.parent.append(parent)
        self.index.append(index)
        for name in self.names:
            if name.startswith(HEADER):
                text = headers.get(name.removeprefix(HEADER).lower())
                kind = MISSING if text is None else STRING
            else:
                kind, text = _scalar(_at(value, self.parts[name]))
            self.texts[name].append(text)
            self.kinds[name].append(kind)

    def level(self) -> Level:
        columns = {
            column: pl.Series(column, values, dtype)
            for name in self.names
            for column, values, dtype in (
                (name, self.texts[name], pl.String()),
                (name + KIND, self.kinds[name], pl.UInt8()),
            )
        }
        height = len(self.parent)
        return Level(
            pl.DataFrame(columns) if columns else pl.DataFrame(height=height),
            pl.Series(self.parent, dtype=pl.UInt32()),
            pl.Series(self.index, dtype=pl.UInt32()),
        )


class LevelsReader:
    """Reads fields of payloads or documents that are added one after the other."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Read these fields, see `fields_of`."""
        self._found = {level: _Rows(names) for level, names in fields.items()}
        self._lists = {
            is_xml: {level: ListOf.at(level, is_xml=is_xml) for level in fields if level != TOP}
            for is_xml in (False, True)
        }

    def add(self, parsed: Any, headers: Mapping[str, str], *, is_xml: bool) -> None:
        """Add a parsed payload as the next row of the top level, and the elements of its lists."""
        found = self._found
        found[TOP].add(len(found[TOP].parent), 0, parsed, headers)
        outer: dict[str, list[Any]] = {TOP: [parsed]}
        for level, one in self._lists[is_xml].items():
            outer[level] = []
            first = len(found[above(level)].parent) - len(outer[above(level)])
            for number, holder in enumerate(outer[above(level)], first):
                inner = one.of(holder)
                outer[level] += inner
                for index, element in enumerate(inner):
                    found[level].add(number, index, element, {})

    def levels(self) -> Levels:
        """Return the levels that were read."""
        return {level: part.level() for level, part in self._found.items()}


def fields_of(paths: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    """Return the columns that these paths need, by level, in a fixed order; `TOP` is always included."""
    found: dict[str, set[str]] = {TOP: set()}
    for path in paths:
        _add_level(found, path.level)
        found[path.level].add(path.field)
        if path.where is not None:
            found[path.level].add(path.where.field)
    return {level: tuple(sorted(names)) for level, names in found.items()}


def _add_level(found: dict[str, set[str]], level: str) -> None:
    """Add a level and the levels above it, the outermost first."""
    if level not in found:
        _add_level(found, above(level))
        found[level] = set()


def needs_rows(fields: Mapping[str, Sequence[str]]) -> bool:
    """Return whether only `read_rows` reads some fields: those in a percent-encoded string that is no document."""
    return any(_is_below_url(name) for names in fields.values() for name in names)


def _is_below_url(name: str) -> bool:
    """Return whether a path enters a percent-encoded string other than directly as a document."""
    if name.startswith(HEADER):
        return False
    parts = segments(name) if name else ()
    behind = itertools.pairwise(parts)
    return any(part == AS_URL and then not in (AS_JSON, AS_XML) for part, then in behind)


def read_rows(
    values: Sequence[bytes],
    fields: Mapping[str, Sequence[str]],
    headers: pl.Series | None = None,
    written_as: Format = "json",
) -> tuple[list[int], Levels, pl.DataFrame]:
    """Read fields of payloads, one after the other.

    Args:
        values: JSON, or XML documents.
        fields: see `fields_of`.
        headers: of each record, the type of `schemas.lake.HEADERS`.
        written_as: how the payloads are written.

    Returns:
        The rows that are objects, their levels (`parent` counts those rows), and the others as `REJECTED_SCHEMA`.
    """
    reader = LevelsReader(fields)
    rows: list[int] = []
    rejected: list[tuple[int, str, str]] = []
    for row, value in enumerate(values):
        parsed = parse_payload(value, written_as)
        if isinstance(parsed, tuple):
            rejected.append((row, *parsed))
            continue
        rows.append(row)
        given = {} if headers is None else _headers(headers[row])
        reader.add(parsed, given, is_xml=is_written_as_xml(value, written_as))
    return rows, reader.levels(), pl.DataFrame(rejected, schema=REJECTED_SCHEMA, orient="row")


def is_written_as_xml(value: bytes, written_as: Format) -> bool:
    """Return whether a payload is XML."""
    return written_as == "xml" or (written_as == "json_or_xml" and value.lstrip().startswith(b"<"))


def parse_payload(value: bytes, written_as: Format = "json") -> dict[str, Any] | tuple[str, str]:
    """Parse a payload, with fractions as `msgspec.Raw`; if it is no object, return the reason and the detail."""
    if len(value) > MAX_VALUE_BYTES:
        return "too_large", f"{len(value)} bytes, at most {MAX_VALUE_BYTES} are read"
    if not value.strip():
        return "empty_value", "the record has no payload"
    try:
        parsed = parse_xml(value) if is_written_as_xml(value, written_as) else _json(value)
    except UnicodeDecodeError as error:
        return "bad_utf8", str(error)
    except RecursionError:
        return "too_deep", "nested too deeply to be an event"
    except XmlError as error:
        return "bad_xml", str(error)
    except msgspec.DecodeError as error:
        return "bad_json", str(error)
    if not isinstance(parsed, dict):
        return "invalid_field", f"Expected an object, got {WORDS[_scalar(parsed)[0]]}"
    return parsed


def _headers(given: pl.Series | None) -> dict[str, str]:
    if given is None:
        return {}
    return {one["key"].lower(): (one["value"] or b"").decode(errors="replace") for one in given}


@dataclass(frozen=True)
class ListOf:
    """A list: the path to it from the level above, the condition on its elements, and whether it is in XML."""

    parts: tuple[str, ...]
    meant: Elements
    is_xml: bool

    @classmethod
    def at(cls, level: str, *, is_xml: bool) -> ListOf:
        """Return the list whose elements are the rows of a level."""
        *parts, elements = steps(level)[len(steps(above(level))) :]
        documents = [step for step in steps(level) if step in PARSERS]
        is_xml = documents[-1] == AS_XML if documents else is_xml
        return cls(tuple(map(str, parts)), elements if isinstance(elements, Elements) else Elements(), is_xml)

    def of(self, holder: Any) -> list[Any]:
        """Return the elements of the list in `holder` that fulfil the condition."""
        found = _at(holder, self.parts)
        if not isinstance(found, list):
            # XML does not say that a list of one is a list.
            found = [found] if self.is_xml and found is not _NOTHING else []
        return [element for element in found if is_meant(element, self.meant)]


def is_meant(element: Any, step: Elements) -> bool:
    """Return whether an element fulfils the condition of a step into its list."""
    if step.where is None:
        return True
    found = _scalar(_at(element, segments(step.where.field)))[1]
    return (found == step.where.value) != step.where.differs


class _Nothing:
    """The value of a missing field, as opposed to null."""


_NOTHING: Final = _Nothing()


def _at(value: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if part.startswith("::"):
            value = _document(part, value) if isinstance(value, str) else _NOTHING
        elif isinstance(value, dict):
            value = value.get(part, _NOTHING)
        else:
            return _NOTHING
    return value


@lru_cache(32)
def _document(form: str, text: str) -> Any:
    """Parse a string in a form; `_NOTHING` if it is malformed. Cached, because many paths enter the same string."""
    try:
        return PARSERS[form](text)
    except MALFORMED:
        return _NOTHING


def is_document_of(form: str, text: str) -> bool:
    """Return whether a string is a document of this form."""
    return not isinstance(_document(form, text), _Nothing)


def _scalar(value: Any) -> tuple[int, str | None]:
    """Return the kind of a value, and the text of a scalar (None for others)."""
    match value:
        case _Nothing():
            return MISSING, None
        case None:
            return NULL, None
        case str():
            return STRING, value
        case bool():
            return BOOLEAN, "true" if value else "false"
        case int():
            return INTEGER, str(value)
        case msgspec.Raw():
            return FRACTION, bytes(value).decode()
        case dict():
            return OBJECT, None
        case _:
            return LIST, None
