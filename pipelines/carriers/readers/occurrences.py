"""Identities that an export lacks, made from what a message is: the same in every export that shows it alike.

Messages that are alike in all are told apart by their number among these. Only the newest are remembered, by default
about 60 MB: alike in all, the second too, they stand close to each other.
"""

from __future__ import annotations

from collections.abc import Iterable

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
        return self.number(self._texts.identities(["\x1f".join("" if fact is None else str(fact) for fact in facts)]))[
            0
        ]

    def number(self, identities: Iterable[str]) -> list[str]:
        """Give each its number where it was there before, hashed again."""
        numbered = []
        for identity in identities:
            n_before = self._newest.get(identity)
            if n_before is None:
                n_before = self._older.get(identity, 0)
                if len(self._newest) >= self._most // 2:
                    self._older, self._newest = self._newest, {}
            self._newest[identity] = n_before + 1
            numbered.append(self._texts.identities([f"{identity}\x1f{n_before}"])[0] if n_before else identity)
        return numbered
