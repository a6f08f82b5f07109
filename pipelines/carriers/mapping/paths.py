"""Paths into a payload, as a mapping writes them, and the values that lie there.

    message.sender_id           a field of an object
    users[].user_id             the same of each element of a list: a row each
    message[type=text].data     of those elements whose `type` is `text`; with `!=` of all others
    content::json.text          of JSON that stands as text in a string; `::xml` likewise
    content::url::json.text     of such a string that is percent-encoded
    content.'m.relates_to'.key  names with dots or spaces stand in quotes
    links[].members[].id        of lists in the elements of a list
    header:X-Shop-Topic         a header of the Kafka record

Behind several `[]` stand the elements of lists in the elements of a list; fields of these are theirs, too.
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
_FILTER: Final = re.compile(r"(?P<field>[^=!\[\]]+)(?P<differs>!?)=(?P<value>[^=\[\]]+)")


class PathError(ValueError):
    """A path cannot be read; says why."""


class Filter(NamedTuple):
    """A field of elements, and a text that it is, or that it `differs` from."""

    field: str
    value: str
    differs: bool = False


@dataclass(frozen=True)
class Path:
    """A place in a payload.

    Attributes:
        text: As written.
        level: `TOP`, or the list with `[]` behind it whose elements the path is of.
        field: The place within the payload or the element; empty for the element itself.
        where: Which elements are meant; None: all.
    """

    text: str
    level: str
    field: str
    where: Filter | None = None

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path.

        Raises:
            PathError: see there.
        """
        if text.startswith(HEADER) and len(text) > len(HEADER):
            return cls(text, TOP, text)
        head, *lists = _LIST.split(text)
        if not lists:
            return cls(_plain(text), TOP, text)
        if not head or "[" in "".join(lists[1::2]) or any(one and one[0] != "." for one in lists[1::2]):
            raise PathError(f"{text!r} is no path: a list is written name[] or name[field=value], a dot behind it")
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
    """A step of a path: from a list to each of its elements, or to those of which a field has a value."""

    where: Filter | None = None


@cache
def steps(path: str) -> tuple[str | Elements, ...]:
    """Take a path with any number of lists apart: `segments`, and `Elements` where it enters a list.

    Raises:
        PathError: it is no path.
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
    """Name the level whose elements have the lists of a level: `links[]` of `links[].members[]`."""
    outer = list(_LIST.finditer(level))[:-1]
    return level[: outer[-1].end()] if outer else TOP


def _filter(path: str, condition: str) -> Filter | None:
    if not condition:
        return None
    found = _FILTER.fullmatch(condition)
    if found is None:
        raise PathError(f"{path!r} is no path: inside [] stands nothing, field=value or field!=value")
    return Filter(_plain(found["field"]), found["value"], differs=found["differs"] == "!")


def _plain(text: str) -> str:
    segments(text)
    return text


@cache
def segments(path: str) -> tuple[str, ...]:
    """Take `content::json.text` apart: names, and `::json`, `::xml` or `::url` where a string is to be read as such.

    Raises:
        PathError: it is no path.
    """
    found: list[str] = []
    at = 0
    while at < len(path):
        part = _SEGMENT.match(path, at)
        is_first = at == 0
        if part is None or (part["as"] is None and is_first == path.startswith(".", at)):
            raise PathError(f"{path!r} is no path")
        found.append(part["as"] or part["quoted"] or part["name"])
        at = part.end()
    if not found or found[0].startswith("::"):
        raise PathError(f"{path!r} is no path")
    return tuple(found)


class Document(NamedTuple):
    """A string that is read as a document.

    Attributes:
        level: Whose elements have the string.
        field: Where it stands in them; of a string that is percent-encoded, `::url` stands behind it.
        form: `AS_JSON` or `AS_XML`.
        inner: A path within the document.
    """

    level: str
    field: str
    form: str
    inner: str


def read_as(path: str) -> Document | None:
    """Split a path behind its first string that is read as JSON or XML; None: there is no such string."""
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
