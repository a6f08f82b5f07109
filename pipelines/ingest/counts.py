"""What became of the records of `raw`; the log of `events` holds the sums over all history."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pipelines.lake import Handle, Lake
from schemas.lake import EVENTS


@dataclass(frozen=True)
class Counts:
    """What became of records of raw: `raw + further = events + duplicates + quarantined + tombstones + ignored`.

    `further` counts what records gave beyond one part each: events, and their row in quarantine.

    `conflicts` are the duplicates whose body differs from the copy that won in their batch. All numbers but this one
    are the same whatever the batches; this one is zero exactly if no two copies of an event differ, as far as both had
    their values when `events` were last rebuilt. `of_nobody` are the events whose account stands for nobody. Of the
    quarantined, people took `taken_out` out of the events; `put_back` they put back since.
    """

    raw: int = 0
    events: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    tombstones: int = 0
    ignored: int = 0
    further: int = 0
    of_nobody: int = 0
    taken_out: int = 0
    put_back: int = 0

    @property
    def unaccounted(self) -> int:
        """Records that became nothing, less those that became something of nothing: 0, or there is a defect."""
        made = self.events + self.duplicates + self.quarantined + self.tombstones + self.ignored
        return self.raw + self.further - made

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def stored_counts(lake: Lake) -> Counts:
    """The counts over all history."""
    return counts_of(lake.open(EVENTS))


def counts_of(events: Handle) -> Counts:
    """The counts over all history, as a version of `events` holds them."""
    return Counts(**{f.name: events.position(_counter(f.name)) or 0 for f in fields(Counts)})


def counters(counts: Counts) -> dict[str, int]:
    """The application transactions of `events` that hold these counts."""
    return {_counter(f.name): getattr(counts, f.name) for f in fields(counts)}


def _counter(name: str) -> str:
    return f"count/{name}"
