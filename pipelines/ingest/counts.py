"""Counts of what the records of `raw` were decoded to; the log of `events` has the sums over all history."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pipelines.lake import Handle, Lake
from schemas.lake import EVENTS


@dataclass(frozen=True)
class Counts:
    """Counts of records of `raw`: `raw + further = events + duplicates + quarantined + tombstones + ignored`.

    `further` counts events and quarantine rows beyond the first of each record.

    `conflicts` are the duplicates whose content differs from the winning copy in their batch. It is the only number
    that depends on batches, but it is 0 exactly if no two copies of an event differ, as far as both had their values at
    the last rebuild of `events`. `placeholders` are the events with a placeholder account. `taken_out` are the events
    that people put in quarantine, `put_back` those they took out again.
    """

    raw: int = 0
    events: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    tombstones: int = 0
    ignored: int = 0
    further: int = 0
    placeholders: int = 0
    taken_out: int = 0
    put_back: int = 0

    @property
    def unaccounted(self) -> int:
        """Records without a result minus results without a record: 0, unless there is a defect."""
        made = self.events + self.duplicates + self.quarantined + self.tombstones + self.ignored
        return self.raw + self.further - made

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def stored_counts(lake: Lake) -> Counts:
    """Return the counts over all history."""
    return counts_of(lake.open(EVENTS))


def counts_of(events: Handle) -> Counts:
    """Return the counts over all history in a version of `events`."""
    return Counts(**{f.name: events.position(_counter(f.name)) or 0 for f in fields(Counts)})


def counters(counts: Counts) -> dict[str, int]:
    """Return the application transactions of `events` for these counts."""
    return {_counter(f.name): getattr(counts, f.name) for f in fields(counts)}


def _counter(name: str) -> str:
    # Lakes of 0.1.0 have this count under its first name.
    return f"count/{'of_nobody' if name == 'placeholders' else name}"
