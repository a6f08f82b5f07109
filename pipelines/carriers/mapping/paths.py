"""Paths into a payload, as a mapping writes them, and the values that lie there.

    message.sender_id           a field of an object
    users[].user_id             the same of each element of a list: a row each
    message[type=text].data     of those elements whose `type` is `text`
    content::json.text          of JSON that stands as text in a string; `::xml` likewise
    content.'m.relates_to'.key  names with dots or spaces stand in quotes
    header:X-Shop-Topic         a header of the Kafka record

A path has one `[]` at most.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

TOP: Final = ""
"""The level of the payload itself."""

HEADER: Final = "header:"

_SEGMENT: Final = re.compile(
    r"(?P<as>::(?:json|xml))|\.?'(?P<quoted>[^']+)'|\.?(?P<name>[^\s{}\[\].:']+(?::[^\s{}\[\].:']+)*)"
)
_FILTER: Final = re.compile(r"(?P<field>[^=\[\]]+)=(?P<value>[^=\[\]]+)")


class PathError(ValueError):
    """A path cannot be read; says why."""


@dataclass(frozen=True)
class Path:
    """A place in a payload.

    Attributes:
        text: As written.
        level: `TOP`, or the list with `[]` behind it whose elements the path is of.
        field: The place within the payload or the element; empty for the element itself.
        where: Field and text of the elements that are meant; None: all.
    """

    text: str
    level: str
    field: str
    where: tuple[str, str] | None = None

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path.

        Raises:
            PathError: see there.
        """
        if text.startswith(HEADER) and len(text) > len(HEADER):
            return cls(text, TOP, text)
        head, bracket, rest = text.partition("[")
        if not bracket:
            return cls(_plain(text), TOP, text)
        condition, closed, inner = rest.partition("]")
        if not closed or "[" in inner or not head:
            raise PathError(f"{text!r} is no path: one list at most, written name[] or name[field=value]")
        if inner and not inner.startswith("."):
            raise PathError(f"{text!r} is no path: a dot is missing behind ]")
        where = None
        if condition:
            found = _FILTER.fullmatch(condition)
            if found is None:
                raise PathError(f"{text!r} is no path: inside [] stands nothing, or field=value")
            where = (_plain(found["field"]), found["value"])
        return cls(text, f"{_plain(head)}[]", _plain(inner[1:]) if inner else "", where)

    def sub(self, name: str) -> Path:
        """A field of the object at this place."""
        field = f"{self.field}.{name}" if self.field else name
        return Path(f"{self.text}.{name}", self.level, field, self.where)


def _plain(text: str) -> str:
    segments(text)
    return text


@cache
def segments(path: str) -> tuple[str, ...]:
    """Take `content::json.text` apart: names, and `::json` or `::xml` where a string is to be read as such.

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
