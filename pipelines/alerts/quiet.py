"""Quiet hours: rules are evaluated, but nothing is delivered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class QuietHours:
    """The hours `[start, end)` of every day, in the business zone; they may pass midnight."""

    start: dt.time
    end: dt.time
    zone: ZoneInfo

    def __post_init__(self) -> None:
        """Raise ValueError where both ends are equal: that would mean never or always."""
        if self.start == self.end:
            raise ValueError("quiet hours begin and end at the same time: leave them out, or take alerts off")

    @classmethod
    def of(cls, text: str, zone: ZoneInfo) -> QuietHours:
        """Read `22:00-08:00`; raise ValueError for any other form."""
        start, _, end = text.partition("-")
        try:
            return cls(dt.time.fromisoformat(start.strip()), dt.time.fromisoformat(end.strip()), zone)
        except ValueError:
            raise ValueError("is not of the form 22:00-08:00") from None

    def include(self, now: dt.datetime) -> bool:
        """Whether an instant is within quiet hours."""
        clock = now.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end
