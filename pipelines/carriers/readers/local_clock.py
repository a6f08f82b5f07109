"""Parse dates and times as phones of many languages write them."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.carriers.readers.base import DateOrder

CLOCK: Final = (
    r"(?P<before>上午|下午|午前|午後|오전|오후|凌晨|早上|中午|晚上)?\s?(?P<hour>\d{1,2})[:.](?P<minute>\d{2})"
    r"(?:[:.](?P<second>\d{2}))?(?:[\s\x{202f}\x{00a0}]?(?P<after>[AaPp]\.?[\s\x{202f}\x{00a0}]?[Mm]\.?))?"
)
"""Hour, minute, optional second, and the half of the day before or after them."""

_AFTERNOON: Final = ("下午", "午後", "오후", "晚上")
_NOON: Final = "中午"
_FIELDS: Final = {
    "dmy": (r"^(\d+)\D", r"\D(\d+)\D", r"\D(\d+)$"),
    "mdy": (r"\D(\d+)\D", r"^(\d+)\D", r"\D(\d+)$"),
    "ymd": (r"\D(\d+)$", r"\D(\d+)\D", r"^(\d+)\D"),
}
"""Positions of day, month and year."""
_CENTURY: Final = 2000


def local_times(heads: pl.DataFrame, order: DateOrder) -> pl.Series:
    """Build times without an offset; null where date or time are invalid.

    Args:
        heads: texts `date`, `before`, `hour`, `minute`, `second`, `after`, as `CLOCK` finds them.
        order: of the dates.
    """
    # Of many lines there are few dates.
    dates = heads.select(pl.col("date").unique()).with_columns(
        pl.col("date").str.extract(pattern).cast(pl.Int32, strict=False).alias(part)
        for part, pattern in zip(("day", "month", "year"), _FIELDS[order], strict=True)
    )
    heads = heads.join(dates, on="date", how="left", maintain_order="left", nulls_equal=True)
    day, month, year = (pl.col(part) for part in ("day", "month", "year"))
    hour = pl.col("hour").cast(pl.Int32)
    half = pl.col("after").str.head(1).str.to_lowercase()
    is_late = pl.col("before").is_in(_AFTERNOON).fill_null(value=False) | (half == "p").fill_null(value=False)
    is_noon = (pl.col("before") == _NOON).fill_null(value=False)
    has_half = pl.col("before").is_not_null() | pl.col("after").is_not_null()
    hours = (
        pl.when(is_noon)
        .then(pl.when(hour < 3).then(hour + 12).otherwise(hour))
        .when(has_half & (hour <= 12))
        .then(hour % 12 + 12 * is_late.cast(pl.Int32))
        .otherwise(hour)
    )
    text = pl.format(
        "{}-{}-{} {}:{}:{}",
        pl.when(year < 100).then(year + _CENTURY).otherwise(year),
        month,
        day,
        hours,
        "minute",
        pl.col("second").fill_null("00"),
    )
    return heads.select(text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")).to_series()
