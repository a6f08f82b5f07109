"""Interpret sentences that a client writes into a chat: who joined, who left, who recalled a message.

Sentences name people by their shown names. The account is only known if the same export shows the name
beside an id, and beside one id only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import yaml

from pipelines.carriers.readers.base import ReadOptions

UNKNOWN_NAMES: Final = "joins and leaves of names without an id"

_SEPARATORS: Final = re.compile(r'["”]?\s*(?:、|，|, | and | und | y |と)\s*["“]?')
_SELVES: Final = frozenset({"你", "您", "我", "you", "あなた", "du", "tú"})
_LONGEST: Final = 500


@dataclass(frozen=True)
class Notice:
    """Who (`names`) joined or left; a recall has no names."""

    kind: Literal["joined", "left", "recalled"]
    names: tuple[str, ...] = ()
    actor: str | None = None


class Names:
    """Display names and their ids; a name with several ids has none."""

    def __init__(self, self_id: str | None = None) -> None:
        """Take the id of the person who made the export, for words such as "you"."""
        self._ids: dict[str, str | None] = {}
        if self_id:
            self._ids.update(dict.fromkeys(_SELVES, self_id))

    def learn(self, name: str | None, native_id: str) -> None:
        """Learn that an id has this display name."""
        if name and self._ids.setdefault(name, native_id) != native_id:
            self._ids[name] = None

    def id_of(self, name: str) -> str | None:
        """Return the id of a name, None if unknown or ambiguous."""
        return self._ids.get(name) or self._ids.get(name.lower())


def members_of(notice: Notice, names: Names, options: ReadOptions) -> list[dict[str, str | None]]:
    """Return who joined or left: `id` (None: unknown), `name` and `role`."""
    found = [(name, names.id_of(name)) for name in notice.names]
    return [{"id": native, "name": name, "role": options.role(native, name)} for name, native in found]


class NamesAreIds(Names):
    """Display names of an export without ids: each name is its own id."""

    SELVES: Final = _SELVES

    def id_of(self, name: str) -> str | None:
        """Return the name itself; for words such as "you", the person who made the export."""
        plain = name.strip(" ~\u200e\u202f\u00a0")
        return super().id_of(plain) if plain.lower() in _SELVES else plain or None


def notice_of(text: str) -> Notice | None:
    """Interpret a sentence; None if it is no join, leave or recall in a supported language."""
    text = text[:_LONGEST].strip()
    for kind, pattern in _patterns():
        found = pattern.search(text)
        if found is not None:
            parts = found.groupdict()
            named = _SEPARATORS.split(parts["names"]) if parts.get("names") else []
            return Notice(kind, tuple(name.strip(' "“”') for name in named if name.strip(' "“”')), parts.get("actor"))
    return None


@cache
def _patterns() -> Iterable[tuple[Literal["joined", "left", "recalled"], re.Pattern[str]]]:
    rows = yaml.safe_load((files(__package__ or "") / "notices.yaml").read_text("utf-8"))
    return [(row["kind"], re.compile(row["pattern"])) for row in rows]
