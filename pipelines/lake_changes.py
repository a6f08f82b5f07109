"""The rows that writes of this process changed, kept so that what reads a table next need not compare two versions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.frames import Changed

MOST_ROWS: Final = 200_000
"""Larger changes are not kept, which bounds memory: comparing two versions costs little more than such a change."""


@dataclass(frozen=True)
class _Write:
    """A write: ids of the table's files before and after it (`Handle.files_id`), and the rows it changed."""

    before: str
    after: str
    changed: Changed


@dataclass(frozen=True)
class ChangesKept:
    """The newest unbroken chain of writes of each table, by the table's name."""

    _writes: dict[str, tuple[_Write, ...]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, table: str, before: str, after: str, changed: Changed) -> None:
        """Keep the rows that a write changed, unless they are too many.

        Args:
            table: Name of the table.
            before: Id of its files before the write.
            after: Id of its files after it.
            changed: The rows.
        """
        with self._lock:
            earlier = self._writes.pop(table, ())
            chain = (*(earlier if earlier and earlier[-1].after == before else ()), _Write(before, after, changed))
            if sum(len(one.changed.gone) + len(one.changed.come) for one in chain) <= MOST_ROWS:
                self._writes[table] = chain

    def between(self, table: str, key: Sequence[str], before: str, now: str) -> Changed | None:
        """Return the difference between two versions; None unless all writes between them are kept.

        Args:
            table: Name of the table.
            key: Its key.
            before: Id of the files of the earlier version.
            now: Id of the files of the later one.
        """
        chain = self._writes.get(table, ())
        starts = [number for number, one in enumerate(chain) if one.before == before]
        ends = [number for number, one in enumerate(chain) if one.after == now]
        if not starts or not ends or starts[0] > ends[-1]:
            return None
        first, *others = (one.changed for one in chain[starts[0] : ends[-1] + 1])
        for one in others:
            first = first.then(key, one)
        return first
