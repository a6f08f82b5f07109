"""The texts of the report in each language, and translations of the warehouse's English sentences."""

from __future__ import annotations

import datetime as dt
import re
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

import yaml

LANGUAGES: Final = ("en", "zh")

_SENTENCES: Final = "sentences"
_BETWEEN: Final = "; "


class Words:
    """The texts of one language by key."""

    def __init__(self, language: str) -> None:
        """Read the texts of one of `LANGUAGES`."""
        self.language = language
        self._texts: dict[str, Any] = yaml.safe_load(
            (files("emberline.report") / "words" / f"{language}.yaml").read_text(encoding="utf-8")
        )

    def __call__(self, key: str, **values: object) -> str:
        """Give a text with its values filled in.

        Raises:
            KeyError: There is no text of this key, or a value of it is missing.
        """
        return self._texts[key].format(**values)

    def name_of(self, kind: str, value: str | None) -> str:
        """Return the word for a value of a closed list, or the value itself if there is no word for it."""
        return str(self._texts.get(f"{kind}_{value}", value or ""))

    def sentence(self, text: str | None) -> str:
        """Translate a reason from the warehouse; names and the causes of errors stay in English."""
        parts = (text or "").split(_BETWEEN)
        return self("between").join(map(self._part, parts)) if self._patterns else text or ""

    def _part(self, part: str) -> str:
        for pattern, words in self._patterns:
            if found := pattern.fullmatch(part):
                return words.format(*(self._part(group) for group in found.groups()))
        return part

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """The pattern of each English sentence, and its translation; `#` is a number, `@` a day, `*` the rest."""
        return [(_pattern(english), words) for english, words in self._texts[_SENTENCES]]

    def duration(self, seconds: float | None) -> str:
        """Give a time span in its most fitting unit."""
        if seconds is None:
            return ""
        for name, size in (("days", 86_400), ("hours", 3600)):
            if seconds >= size:
                return self(f"duration_{name}", n=f"{seconds / size:.1f}")
        return self("duration_minutes", n=f"{seconds / 60:.0f}")

    @staticmethod
    def moment(at: dt.datetime) -> str:
        """Give a time to the minute, UTC."""
        return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M}"


def _pattern(english: str) -> re.Pattern[str]:
    holes = {"#": r"([+-]?[\d.,]+)", "@": r"(\d{4}-\d{2}-\d{2})", "*": r"(.+)"}
    return re.compile("".join(holes.get(character) or re.escape(character) for character in english))
