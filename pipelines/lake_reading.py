"""A consistent reading of a lake: every table is opened once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from pipelines.lake import Handle, Lake
from schemas.lake import LakeTable


@dataclass(frozen=True)
class LakeReading(Lake):
    """A read-only lake in which every table stays at the version at which it was first opened.

    A write would move a handle to a new version, so nothing may be written.
    """

    _opened: dict[LakeTable, Handle] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, lake: Lake) -> Self:
        """Start a reading of a lake; a reading is returned as it is."""
        return lake if isinstance(lake, cls) else cls(lake.uri, lake.storage_options, lake.loaded)

    def open(self, table: LakeTable) -> Handle:
        """Open a table, or return it as it was first opened; see `Lake.open`."""
        if table not in self._opened:
            self._opened[table] = super().open(table)
        return self._opened[table]
