"""Identities that an export lacks, made from what a message is: the same in every export that shows it alike.

Messages that are alike in all are told apart by their number among these. Only the newest are remembered, by default
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
        return self.number(self._texts.identities(["\x1f".join("" if fact is None else str(fact) for fact in facts)]))[
            0
        ]

    def number(self, identities: Sequence[str]) -> list[str]:
        """Give each its number where it was there before, hashed again."""
        if len(self._newest) + len(identities) > self._most // 2:
            self._older, self._newest = self._newest, {}
        n_before = {one: n for one, n in Counter(identities).items() if n > 1}
        n_before = dict.fromkeys(n_before, 0)
        for known in (self._older, self._newest):
            n_before |= {one: known[one] for one in known.keys() & set(identities)}
        self._newest |= dict.fromkeys(identities, 1)
        # Nearly all are there once: only of the others there is something to count.
        return [self._again(one, n_before) if one in n_before else one for one in identities]

    def _again(self, identity: str, n_before: dict[str, int]) -> str:
        n = n_before[identity]
        n_before[identity] = self._newest[identity] = n + 1
        return self._texts.identities([f"{identity}\x1f{n}"])[0] if n else identity
