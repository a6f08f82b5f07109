"""Which events are stored already, told from 64-bit hashes of their keys held in memory for the length of a run.

A hash only says which rows need to be compared by their whole keys; a chance agreement costs time, never a row.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.events.deduplicate import key_hash
from pipelines.lake import Handle

MOST: Final = 4_000_000
"""Keys held at most: 32 MB of hashes. Beyond, each batch looks through the keys in the lake instead."""


class KnownKeys:
    """Hashes of the keys of `events`: those stored when the run began, and those it added."""

    def __init__(self, events: Handle, expected: int, most: int = MOST) -> None:
        """Read the stored keys, if they and the expected ones fit."""
        stored = events.scan().select(pl.len()).collect(engine="streaming").item()
        self.is_whole = stored + expected <= most
        """Are all keys known; if not, `may_hold` says of every key that it may be stored."""
        scan = events.scan() if self.is_whole else events.scan().head(0)
        self._hashes = scan.select(key_hash().alias("hash")).collect(engine="streaming")["hash"]

    def may_hold(self, events: pl.DataFrame) -> pl.Series:
        """Which rows may have a key that is stored."""
        if not self.is_whole:
            return pl.Series([True]).new_from_index(0, events.height)
        asked = events.select(key_hash().alias("hash"))["hash"]
        # Asked first about the known ones: a set of the few is made faster than one of the many.
        return asked.is_in(self._hashes.filter(self._hashes.is_in(asked.implode())).implode())

    def add(self, events: pl.DataFrame) -> None:
        """Note rows that are stored now."""
        if self.is_whole:
            self._hashes = pl.concat([self._hashes, events.select(key_hash().alias("hash"))["hash"]])
