"""What a client wrote into a chat as a sentence: who joined, who left, who took a message back.

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
    """Who (`names`) joined or left; for a message that was taken back, nobody."""

    kind: Literal["joined", "left", "recalled"]
    names: tuple[str, ...] = ()
    actor: str | None = None


class Names:
    """Shown names and the ids that they stand for; one that stands for several stands for none."""

    def __init__(self, self_id: str | None = None) -> None:
        """Let words for "you" stand for who made the export."""
        self._ids: dict[str, str | None] = {}
        if self_id:
            self._ids.update(dict.fromkeys(_SELVES, self_id))

    def learn(self, name: str | None, native_id: str) -> None:
        """Take note that an id is shown by this name."""
        if name and self._ids.setdefault(name, native_id) != native_id:
            self._ids[name] = None

    def id_of(self, name: str) -> str | None:
        """Give the id that a name stands for."""
        return self._ids.get(name) or self._ids.get(name.lower())


def members_of(notice: Notice, names: Names, options: ReadOptions) -> list[dict[str, str | None]]:
    """Give who joined or left: `id`, null where it is not known, `name` and `role`."""
    found = [(name, names.id_of(name)) for name in notice.names]
    return [{"id": native, "name": name, "role": options.role(native, name)} for name, native in found]


class NamesAreIds(Names):
    """Shown names where an export has no other ids: each stands for itself."""

    SELVES: Final = _SELVES

    def id_of(self, name: str) -> str | None:
        """Give the name, or who made the export for a word for "you"."""
        plain = name.strip(" ~\u200e\u202f\u00a0")
        return super().id_of(plain) if plain.lower() in _SELVES else plain or None


def notice_of(text: str) -> Notice | None:
    """Read a sentence; None where it is none of a join, a leave or a recall in a language that is known here."""
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
