"""Ids for messages of exports without ids, made from their content: equal content gives equal ids in every export.

Identical messages are numbered. Only the newest ids are cached, by default about 60 MB: identical messages have the
same second, so they are close to each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipelines.carriers.texts import Texts


class Occurrences:
    """Numbers identical messages."""

    def __init__(self, texts: Texts, most: int = 250_000) -> None:
        """Hash with the key of `texts`; cache the ids of the newest `most` / 2 to `most` messages."""
        self._texts, self._most = texts, most
        self._newest: dict[str, int] = {}
        self._older: dict[str, int] = {}

    def identity(self, *facts: object) -> str:
        """Return the id of a message by its facts: group, sender, second, kind, text."""
        self._make_room(1)
        return self._numbered(
            self._texts.identities(["\x1f".join("" if one is None else str(one) for one in facts)])[0]
        )

    def number(self, identities: Sequence[str]) -> list[str]:
        """Number repeated ids: from the second occurrence on, an id is hashed with its number."""
        self._make_room(len(identities))
        different = set(identities)
        counted = (self._newest.keys() & different) | (self._older.keys() & different)
        if len(different) < len(identities):
            counted |= {one for one, n in Counter(identities).items() if n > 1}
        # Nearly all occur once, so only the others are counted.
        numbered = [self._numbered(one) if one in counted else one for one in identities]
        self._newest |= dict.fromkeys(different - counted, 1)
        return numbered

    def _make_room(self, n: int) -> None:
        if len(self._newest) + n > self._most // 2:
            self._older, self._newest = self._newest, {}

    def _numbered(self, identity: str) -> str:
        n_before = self._newest.get(identity) or self._older.get(identity, 0)
        self._newest[identity] = n_before + 1
        return self._texts.identities([f"{identity}\x1f{n_before}"])[0] if n_before else identity
