"""The business zone's days as instants, and the rhythm of a day.

Instants are int64 microseconds since the epoch, UTC, everywhere in the simulator; `NEVER` is later than all of them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

Instants = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
NEVER: Final = 2**61

_BEYOND_END: Final = 14
_BY_HOUR: Final = np.array(
    [3, 1, 0.6, 0.4, 0.4, 0.8, 2, 4, 6, 8, 9, 9, 8, 7, 7, 7, 7, 8, 9, 11, 13, 13, 10, 6], dtype=np.float64
)
_BY_WEEKDAY: Final = np.array([0.80, 0.80, 0.82, 0.85, 0.95, 1.0, 0.92])


@dataclass(frozen=True)
class Calendar:
    """The simulated days. `midnights[d]` is the instant at which day `d` begins, also a little beyond the end."""

    zone: str
    start: dt.date
    days: int
    midnights: Instants

    @classmethod
    def of(cls, zone: str, start: dt.date, days: int) -> Calendar:
        """The `days` days of `zone` from `start`."""
        dates = pl.date_range(start, start + dt.timedelta(days=days + _BEYOND_END), eager=True).alias("day")
        midnight = pl.col("day").cast(pl.Datetime("us"))

        def local(wall: pl.Expr) -> pl.Expr:
            return wall.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")

        # Where clocks go forward at midnight, the day begins at one o'clock.
        instants = dates.to_frame().select(
            pl.coalesce(local(midnight), local(midnight.dt.offset_by("1h"))).cast(pl.Int64)
        )
        return cls(zone, start, days, instants.to_series().to_numpy())

    @property
    def begin(self) -> int:
        """The first instant."""
        return int(self.midnights[0])

    @property
    def end(self) -> int:
        """The instant at which the last simulated day is over."""
        return int(self.midnights[self.days])

    def day(self, instants: Instants) -> npt.NDArray[np.int64]:
        """The index of the day of each instant."""
        return np.searchsorted(self.midnights, instants, side="right").astype(np.int64) - 1

    def date(self, instant: int) -> dt.date:
        """The calendar day of one instant."""
        return self.start + dt.timedelta(days=int(self.day(np.array([instant]))[0]))

    def week_end(self, instants: Instants) -> Instants:
        """The Monday midnight after each instant."""
        day = self.day(instants)
        return self.midnights[day + 7 - (self.start.weekday() + day) % 7]

    def weekday_weight(self, instants: Instants) -> npt.NDArray[np.float64]:
        """How busy the weekday of each instant is, of 1."""
        return _BY_WEEKDAY[(self.start.weekday() + self.day(instants)) % 7]

    def in_rhythm(self, rng: np.random.Generator, instants: Instants, low: Instants, high: Instants) -> Instants:
        """Move each instant within its day to an hour people keep, unless that would leave `[low, high)`."""
        hours = rng.choice(24, size=len(instants), p=_BY_HOUR / _BY_HOUR.sum())
        moved = self.midnights[self.day(instants)] + hours * HOUR + rng.integers(0, HOUR, len(instants))
        return np.where((moved >= low) & (moved < high), moved, instants)


def after(rng: np.random.Generator, instants: Instants, mean: float, most: float) -> Instants:
    """Instants later than the given ones by an exponential delay: at least a second, less than `most` microseconds."""
    delay = np.minimum(rng.exponential(mean, len(instants)), most - SECOND - 1)
    return instants + SECOND + delay.astype(np.int64)


def within(rng: np.random.Generator, low: Instants, high: Instants) -> Instants:
    """Instants drawn evenly from `[low, high)`; `low` where that is empty."""
    return low + (rng.random(len(low)) * np.maximum(high - low, 0)).astype(np.int64)
