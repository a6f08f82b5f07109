"""Paths into a payload in the syntax of mappings.

    message.sender_id           a field of an object
    users[].user_id             a field of each element of a list: a row each
    message[type=text].data     of elements whose `type` is `text`; with `!=` of all others
    content::json.text          of JSON in a string; `::xml` likewise
    content::url::json.text     of JSON in a percent-encoded string
    content.'m.relates_to'.key  names with dots or spaces are quoted
    links[].members[].id        of lists in the elements of a list
    header:X-Shop-Topic         a header of the Kafka record

Several `[]` are elements of nested lists, which also have the fields of the outer elements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

TOP: Final = ""
"""The level of the payload itself."""

HEADER: Final = "header:"
AS_JSON: Final = "::json"
AS_XML: Final = "::xml"
AS_URL: Final = "::url"

_SEGMENT: Final = re.compile(
    r"(?P<as>::(?:json|xml|url))|\.?'(?P<quoted>[^']+)'|\.?(?P<name>[^\s{}\[\].:']+(?::[^\s{}\[\].:']+)*)"
)
_LIST: Final = re.compile(r"\[([^\[\]]*)\]")
_CONDITION: Final = re.compile(r"\[[^\[\]]+\]")
_FILTER: Final = re.compile(r"(?P<field>[^=!\[\]]+)(?P<differs>!?)=(?P<value>[^=\[\]]+)")


class PathError(ValueError):
    """A path is not valid."""


class Filter(NamedTuple):
    """A field of elements, and the text that it must equal, or from which it `differs`."""

    field: str
    value: str
    differs: bool = False


@dataclass(frozen=True)
class Path:
    """A place in a payload.

    Attributes:
        text: The path as written.
        level: `TOP`, or the list, followed by `[]`, whose elements the path refers to.
        field: The path within the payload or the element; empty for the element itself.
        where: Filter of elements; None: all.
    """

    text: str
    level: str
    field: str
    where: Filter | None = None

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path.

        Raises:
            PathError: The path is not valid.
        """
        if text.startswith(HEADER) and len(text) > len(HEADER):
            return cls(text, TOP, text)
        head, *lists = _LIST.split(text)
        if not lists:
            return cls(_plain(text), TOP, text)
        if not head or "[" in "".join(lists[1::2]) or any(one and one[0] != "." for one in lists[1::2]):
            raise PathError(f"{text!r} is not a path: write a list as name[] or name[field=value], followed by a dot")
        *outer, condition, inner = lists
        where = _filter(text, condition)
        for one in outer[::2]:
            _filter(text, one)
        level = text.removesuffix(f"[{condition}]{inner}") + "[]"
        steps(level)
        return cls(text, level, _plain(inner[1:]) if inner else "", where)

    def sub(self, name: str) -> Path:
        """A field of the object at this place."""
        field = f"{self.field}.{name}" if self.field else name
        return Path(f"{self.text}.{name}", self.level, field, self.where)


@dataclass(frozen=True)
class Elements:
    """A step of a path: from a list to its elements, or to those with a given value of a field."""

    where: Filter | None = None


@cache
def steps(path: str) -> tuple[str | Elements, ...]:
    """Split a path into `segments`, and `Elements` where it enters a list.

    Raises:
        PathError: It is not a path.
    """
    found: list[str | Elements] = []
    for place, part in enumerate(_LIST.split(path)):
        if place % 2:
            found.append(Elements(_filter(path, part)))
        elif plain := part.removeprefix("." if place else ""):
            found += segments(plain)
    return tuple(found)


@cache
def above(level: str) -> str:
    """Return the level above a level: `links[]` for `links[].members[]`."""
    outer = list(_LIST.finditer(level))[:-1]
    return level[: outer[-1].end()] if outer else TOP


def without_filters(path: str) -> str:
    """Return the path to all elements of its lists."""
    return _CONDITION.sub("[]", path)


def _filter(path: str, condition: str) -> Filter | None:
    if not condition:
        return None
    found = _FILTER.fullmatch(condition)
    if found is None:
        raise PathError(f"{path!r} is not a path: [] must be empty or have field=value or field!=value")
    return Filter(_plain(found["field"]), found["value"], differs=found["differs"] == "!")


def _plain(text: str) -> str:
    segments(text)
    return text


@cache
def segments(path: str) -> tuple[str, ...]:
    """Split `content::json.text` into names, and `::json`, `::xml` or `::url` for strings to be parsed.

    Raises:
        PathError: It is not a path.
    """
    found: list[str] = []
    at = 0
    while at < len(path):
        part = _SEGMENT.match(path, at)
        is_first = at == 0
        if part is None or (part["as"] is None and is_first == path.startswith(".", at)):
            raise PathError(f"{path!r} is not a path")
        found.append(part["as"] or part["quoted"] or part["name"])
        at = part.end()
    if not found or found[0].startswith("::"):
        raise PathError(f"{path!r} is not a path")
    return tuple(found)


class Document(NamedTuple):
    """A string that is parsed as a document.

    Attributes:
        level: The level whose elements have the string.
        field: The path of the string in them; followed by `::url` if it is percent-encoded.
        form: `AS_JSON` or `AS_XML`.
        inner: A path within the document.
    """

    level: str
    field: str
    form: str
    inner: str


def read_as(path: str) -> Document | None:
    """Split a path after its first string that is parsed as JSON or XML; None: there is none."""
    level = TOP
    for place, part in enumerate(_LIST.split(path)):
        if place % 2:
            level = path[: path.index("]", len(level)) + 1]
            continue
        at = 0
        while found := _SEGMENT.match(part, at):
            if found["as"] in (AS_JSON, AS_XML):
                inner = path[len(level) + found.end() :]
                return Document(level, part[:at].removeprefix("."), found["as"], inner.removeprefix("."))
            at = found.end()
    return None
