"""Shares as text, and cohorts as rows of shares."""

from __future__ import annotations

from typing import Any

import polars as pl


def percent(share: float | None) -> str:
    """A share as text; empty for null."""
    return "" if share is None else f"{100 * share:.1f} %"


def cohorts(frame: pl.DataFrame) -> dict[str, Any]:
    """The heat map: one row per weekly cohort, one share per week since; none if that week is not over."""
    periods = sorted(frame["period"].unique())
    rows = []
    for (first,), cohort in frame.group_by("cohort", maintain_order=True):
        active = dict(cohort.select("period", "active").iter_rows())
        size = cohort["cohort_size"][0]
        shares = [None if active.get(period) is None or not size else active[period] / size for period in periods]
        rows.append({"first": first, "size": f"{size:,}", "shares": shares})
    return {"periods": periods, "cohorts": rows}
