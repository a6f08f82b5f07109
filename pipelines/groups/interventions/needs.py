"""Spells of days in which a group needed help: it declined, was dying, dead, or silent."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from schemas.lake import GROUP_STATES

SILENT: Final = "silent"
"""What a group is called that lives by its state, and had no member active for 7 days or more."""

SILENT_DAYS: Final = 7

_UNBORN, _ALIVE, _DECLINING, _DYING, _DEAD, _REVIVED, _ENDED = GROUP_STATES
_A_DAY: Final = pl.duration(days=1)
_FAR: Final = pl.lit(dt.date(9999, 1, 1))


def spells_in_need(states: pl.LazyFrame, active_days: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Find the days on which a group was in need when the day began.

    When a day begins, the state of the day before is known; the state of the day itself depends on what is done on it.
    A group is in need if it is declining, dying or dead, or if it is alive or revived but has had 7 days or more
    without member activity.

    Args:
        states: `schemas.lake.GROUP_STATE`.
        active_days: `group_id`, `day`, distinct: the days with member activity.
        groups: `schemas.lake.GROUP`.

    Returns:
        `group_id`, `purpose`, `born_day`, `need` (the state, or `SILENT`), and `begin`, `end`: days `[begin, end)`.
    """
    spells = states.select("group_id", need="state", begin=pl.col("since") + _A_DAY, end=_next(pl.col("until")))
    born = states.filter(pl.col("state") == _ALIVE).group_by("group_id").agg(born_day=pl.col("since").min())
    ill = spells.filter(pl.col("need").is_in((_DECLINING, _DYING, _DEAD)))
    silences = (
        active_days.sort("group_id", "day")
        .select(
            "group_id",
            silent_from=pl.col("day") + pl.duration(days=SILENT_DAYS + 1),
            active_again=_next(pl.col("day").shift(-1).over("group_id")),
        )
        .filter(pl.col("silent_from") < pl.col("active_again"))
    )
    silent = (
        spells.filter(pl.col("need").is_in((_ALIVE, _REVIVED)))
        .join(silences, on="group_id")
        .select(
            "group_id",
            need=pl.lit(SILENT),
            begin=pl.max_horizontal("begin", "silent_from"),
            end=pl.min_horizontal("end", "active_again"),
        )
        .filter(pl.col("begin") < pl.col("end"))
    )
    return (
        pl.concat([ill, silent])
        .join(groups.select("group_id", "purpose"), on="group_id")
        .join(born, on="group_id")
        .select("group_id", "purpose", "born_day", "need", "begin", "end")
    )


def _next(day: pl.Expr) -> pl.Expr:
    """Return the day after; for null, a day later than all."""
    return (day + _A_DAY).fill_null(_FAR)
