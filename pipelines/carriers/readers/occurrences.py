"""Identities that an export lacks, made from what a message is: the same in every export that shows it alike.

Identical messages are distinguished by their number among these. Only the newest are remembered, by default
about 60 MB: alike in all, the second too, they stand close to each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipelines.carriers.texts import Texts


class Occurrences:
    """Counts messages that are alike."""

    def __init__(self, texts: Texts, most: int = 250_000) -> None:
        """Hash under the key of the texts, and remember between half and all of so many messages."""
        self._texts, self._most = texts, most
        self._newest: dict[str, int] = {}
        self._older: dict[str, int] = {}

    def identity(self, *facts: object) -> str:
        """Give the identity of a message by its facts: group, sender, second, kind, text."""
        self._make_room(1)
        return self._numbered(
            self._texts.identities(["\x1f".join("" if one is None else str(one) for one in facts)])[0]
        )

    def number(self, identities: Sequence[str]) -> list[str]:
        """Give each its number where it was there before, hashed again."""
        self._make_room(len(identities))
        different = set(identities)
        counted = (self._newest.keys() & different) | (self._older.keys() & different)
        if len(different) < len(identities):
            counted |= {one for one, n in Counter(identities).items() if n > 1}
        # Nearly all are there once: only of the others there is something to count.
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
