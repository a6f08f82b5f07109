"""Calendar periods (day, week, month) of the business zone: their start, distance and completeness.

Works on dates, which are days of the business zone, also those of 23 or 25 hours (docs/definitions.md#time). Weeks are
ISO weeks and start on Monday. A period is the half-open range from its start to the start of the next.
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
    """Return the first day (Date) of the period that contains `day` (Date)."""
    return day.dt.truncate(_EVERY[unit])


def next_unit_start(start: pl.Expr, unit: Unit) -> pl.Expr:
    """Return the first day (Date) of the period after the one that starts at `start` (Date)."""
    return start.dt.offset_by(_EVERY[unit])


def previous_unit_start(start: pl.Expr, unit: Unit) -> pl.Expr:
    """Return the first day (Date) of the period before the one that starts at `start` (Date)."""
    return start.dt.offset_by(f"-{_EVERY[unit]}")


def later_unit_start(start: pl.Expr, units: pl.Expr, unit: Unit) -> pl.Expr:
    """Return the first day (Date) of the period `units` (integer) after the one that starts at `start` (Date)."""
    return start.dt.offset_by(pl.format("{}" + _EVERY[unit].removeprefix("1"), units))


def unit_starts(first: pl.Expr, last: pl.Expr, unit: Unit) -> pl.Expr:
    """Return the starts (List of Date) of all periods from the one starting at `first` to that at `last`."""
    return pl.date_ranges(first, last, interval=_EVERY[unit], closed="both")


def units_between(first: pl.Expr, last: pl.Expr, unit: Unit) -> pl.Expr:
    """Return the number of periods (Int32) from the one that contains `first` to that of `last`."""
    if unit == "month":
        years = last.dt.year() - first.dt.year()
        months = last.dt.month().cast(pl.Int32) - first.dt.month().cast(pl.Int32)
        return years * _MONTHS_A_YEAR + months
    days = (unit_start(last, unit) - unit_start(first, unit)).dt.total_days().cast(pl.Int32)
    return days if unit == "day" else days // _DAYS_A_WEEK


def is_complete(start: pl.Expr, unit: Unit, complete_through: dt.date | None) -> pl.Expr:
    """Return whether (Boolean) the period starting at `start` ends no later than `complete_through`.

    `complete_through` is the last complete day; if it is None, no period is complete.
    """
    if complete_through is None:
        return pl.lit(value=False)
    return next_unit_start(start, unit) <= complete_through + dt.timedelta(days=1)
