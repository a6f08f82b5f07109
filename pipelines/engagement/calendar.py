"""Calendar units of the business zone: where one starts, how far two are apart, when one is over.

Works on dates, which are already days of the business zone: a day of 23 or 25 hours is a day
(docs/definitions.md#time). A week is the ISO week and starts on Monday. A unit is the half-open range
from its start to the start of the next.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal

import polars as pl

Unit = Literal["day", "week", "month"]

_EVERY: Final[dict[Unit, str]] = {"day": "1d", "week": "1w", "month": "1mo"}
_DAYS_A_WEEK: Final = 7
_MONTHS_A_YEAR: Final = 12


def unit_start(day: pl.Expr, unit: Unit) -> pl.Expr:
    """First day (Date) of the unit that contains `day` (Date)."""
    return day.dt.truncate(_EVERY[unit])


def next_unit_start(start: pl.Expr, unit: Unit) -> pl.Expr:
    """First day (Date) of the unit after the one that starts at `start` (Date)."""
    return start.dt.offset_by(_EVERY[unit])


def previous_unit_start(start: pl.Expr, unit: Unit) -> pl.Expr:
    """First day (Date) of the unit before the one that starts at `start` (Date)."""
    return start.dt.offset_by(f"-{_EVERY[unit]}")


def later_unit_start(start: pl.Expr, units: pl.Expr, unit: Unit) -> pl.Expr:
    """First day (Date) of the unit that is `units` (integer) after the one that starts at `start` (Date)."""
    return start.dt.offset_by(pl.format("{}" + _EVERY[unit].removeprefix("1"), units))


def unit_starts(first: pl.Expr, last: pl.Expr, unit: Unit) -> pl.Expr:
    """Starts (List of Date) of all units from the one starting at `first` to that at `last`."""
    return pl.date_ranges(first, last, interval=_EVERY[unit], closed="both")


def units_between(first: pl.Expr, last: pl.Expr, unit: Unit) -> pl.Expr:
    """Number of units (Int32) from the one that contains `first` to that of `last`."""
    if unit == "month":
        years = last.dt.year() - first.dt.year()
        months = last.dt.month().cast(pl.Int32) - first.dt.month().cast(pl.Int32)
        return years * _MONTHS_A_YEAR + months
    days = (unit_start(last, unit) - unit_start(first, unit)).dt.total_days().cast(pl.Int32)
    return days if unit == "day" else days // _DAYS_A_WEEK


def is_complete(start: pl.Expr, unit: Unit, complete_through: dt.date | None) -> pl.Expr:
    """True (Boolean) where the unit starting at `start` ends no later than `complete_through`.

    `complete_through` is the last complete day; with none, no unit is complete.
    """
    if complete_through is None:
        return pl.lit(value=False)
    return next_unit_start(start, unit) <= complete_through + dt.timedelta(days=1)
