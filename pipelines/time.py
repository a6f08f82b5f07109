"""Calendar and intervals: the one place that turns instants into days (definitions, section 3)."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl


def business_day(time: pl.Expr, zone: str) -> pl.Expr:
    """The calendar day of a UTC instant in the business zone."""
    return time.dt.convert_time_zone(zone).dt.date()


def month_of(day: pl.Expr) -> pl.Expr:
    """The first day of the day's month."""
    return day.dt.truncate("1mo")


def day_end(day: dt.date, zone: str) -> dt.datetime:
    """The instant, in UTC, at which a calendar day of the zone is over; a day can have 23 or 25 hours."""
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=ZoneInfo(zone))
    return midnight.astimezone(dt.UTC)


def last_complete_day(watermark: dt.datetime, zone: str) -> dt.date:
    """The last calendar day of the zone whose end the watermark has reached."""
    return watermark.astimezone(ZoneInfo(zone)).date() - dt.timedelta(days=1)
