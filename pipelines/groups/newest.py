"""Join the newest row of a group up to a day."""

from __future__ import annotations

import datetime as dt

import polars as pl


def newest_until(
    rows: pl.LazyFrame, day: pl.Expr, found: pl.LazyFrame, at: str, tolerance: dt.timedelta | None = None
) -> pl.LazyFrame:
    """Add the columns of the group's newest row of `found` that is no later than a day, null if there is none.

    Args:
        rows: Rows with `group_id`.
        day: The day of each of them.
        found: Rows with `group_id`, sorted by their day; apart from it no column name is in `rows` too.
        at: The column of `found` with its day, which is not added.
        tolerance: How much older than the day the newest row may be; None: no limit.
    """
    return (
        rows.with_columns(latest_day=day)
        .sort("latest_day")
        # Both sides are sorted; with `by` Polars cannot see it and would warn.
        .join_asof(
            found, left_on="latest_day", right_on=at, by="group_id", tolerance=tolerance, coalesce=False,
            check_sortedness=False,
        )
        .drop("latest_day", at)
    )  # fmt: skip
