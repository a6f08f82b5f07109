"""One reading of a lake: every table is opened once, however many questions are asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from pipelines.lake import Handle, Lake
from schemas.lake import LakeTable


@dataclass(frozen=True)
class LakeReading(Lake):
    """A lake whose tables stay as they stood when they were first opened; for those who write nothing.

    A handle moves on when something is written through it, so nothing may be.
    """

    _opened: dict[LakeTable, Handle] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, lake: Lake) -> Self:
        """Begin to read a lake, or go on where it is a reading already."""
        return lake if isinstance(lake, cls) else cls(lake.uri, lake.storage_options, lake.loaded)

    def open(self, table: LakeTable) -> Handle:
        """Open a table, or give it as it was opened before; see `Lake.open`."""
        if table not in self._opened:
            self._opened[table] = super().open(table)
        return self._opened[table]
