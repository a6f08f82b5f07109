"""Set of stored event keys as 64-bit hashes, in memory during a run.

A hash only selects the rows whose whole keys must be compared; a collision costs time, never a row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.arrays import fixed, frozen
from pipelines.compiled import lean
from pipelines.events.deduplicate import key_hash
from pipelines.lake import Handle

MOST: Final = 4_000_000
"""Most keys in memory: 64 MB of hashes. Beyond that, each batch searches the keys in the lake."""

_FREE: Final = 0
"""Value of an empty slot; a hash of 0 is stored as 1."""

_SMALLEST: Final = 1 << 20
"""Initial number of slots: 8 MB, allocated by the system as they are used."""


class KnownKeys:
    """Hashes of the keys of `events`: stored ones, and those claimed since."""

    def __init__(self, events: Handle, most: int = MOST) -> None:
        """Read the stored keys if they fit."""
        self._most = most
        self._held = 0
        self._slots = np.zeros(_SMALLEST, np.uint64)
        self.is_whole = events.rows <= most
        """Whether all keys are known; if not, `claim` returns true for every row."""
        if self.is_whole:
            self._add(events.scan().select(key_hash().alias("hash")).collect(engine="streaming")["hash"])

    def claim(self, events: pl.DataFrame) -> pl.Series:
        """Return which rows may have a copy, stored or among these rows, and add their keys."""
        if not self.is_whole:
            return pl.Series([True]).new_from_index(0, events.height)
        hashes = events.select(key_hash().alias("hash"))["hash"]
        is_known = self._add(hashes)
        if self._held > self._most:
            self.is_whole = False
            self._slots = self._slots[:0]
        # The first copy among these rows was not known yet.
        return is_known if not is_known.any() else hashes.is_in(hashes.filter(is_known).unique().implode())

    def _add(self, hashes: pl.Series) -> pl.Series:
        """Add hashes; return which were present, or occur earlier among these."""
        capacity = len(self._slots)
        while 3 * (self._held + len(hashes)) > 2 * capacity:
            capacity *= 2
        if capacity > len(self._slots):
            before = self._slots[self._slots != _FREE]
            self._slots = np.zeros(capacity, np.uint64)
            insert(self._slots, frozen(before), np.empty(len(before), np.bool_))
        is_known = np.zeros(len(hashes), np.bool_)
        self._held += insert(self._slots, fixed(hashes), is_known)
        return pl.Series(is_known)


@lean
def insert(slots: NDArray[np.uint64], hashes: NDArray[np.uint64], is_known: NDArray[np.bool_]) -> int:
    """Insert hashes by linear probing; return how many are new.

    Args:
        slots: The table; its size is a power of two and larger than the number of hashes.
        hashes: Hashes to insert.
        is_known: [hashes] set for hashes that are present already.
    """
    added = 0
    last = np.uint64(len(slots) - 1)
    for row in range(len(hashes)):
        found = hashes[row]
        if found == _FREE:
            found = np.uint64(1)
        slot = found & last
        while slots[slot] != _FREE and slots[slot] != found:
            slot = (slot + np.uint64(1)) & last
        is_known[row] = slots[slot] == found
        if not is_known[row]:
            slots[slot] = found
            added += 1
    return added
