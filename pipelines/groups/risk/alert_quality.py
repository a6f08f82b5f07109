"""Quality of past alerts of any rule: precision, recall and lead time (docs/definitions.md#alerts)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.groups.risk.features import quiet_days
from pipelines.groups.risk.measured import DEAD_AFTER_DAYS

AHEAD: Final = 56
"""An alert is right if the group dies within so many days after it."""

EARLY: Final = 14
"""Lead in days that leaves time to act: half of the silence that makes a death."""

_WEEK: Final = 7


@dataclass(frozen=True)
class AlertQuality:
    """The quality of a rule's alerts; shares without a denominator are None.

    Attributes:
        alerts: number of alerts.
        known: alerts whose next 56 days are known.
        precision: of these, the share after which the group died within them.
        deaths: deaths of groups that were watched from their last activity on.
        recall: share of deaths with an alert in the 56 days before.
        early: share of deaths with such an alert at least 14 days before.
        lead_days: median over these deaths of the days from the first such alert to the death.
        weekly: alerts per week and 100 groups.
    """

    alerts: int
    known: int
    precision: float | None
    deaths: int
    recall: float | None
    early: float | None
    lead_days: float | None
    weekly: float


def deaths(person_day: pl.LazyFrame, watched: pl.DataFrame) -> pl.DataFrame:
    """Find the days on which watched groups had been without member activity for 28 days.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        watched: `group_id`, `day` and `known_days`, the measured days; only deaths of a silence that began on the
            group's first of them or later count.

    Returns:
        `group_id`, `death`.
    """
    spans = watched.group_by("group_id").agg(pl.col("day").min(), through=_through().max())
    through = spans["through"].max()
    if not isinstance(through, dt.date):
        return pl.DataFrame(schema={"group_id": pl.String(), "death": pl.Date()})
    return (
        quiet_days(person_day, through)
        .collect()
        .join(spans, on="group_id")
        .filter(pl.col("last_day") >= pl.col("day"))
        .select("group_id", death=pl.col("last_day") + pl.duration(days=DEAD_AFTER_DAYS))
        .sort("group_id", "death")
    )


def worth(alerts: pl.DataFrame, watched: pl.DataFrame, died: pl.DataFrame) -> AlertQuality:
    """Measure the quality of alerts; see `AlertQuality`.

    Args:
        alerts: `group_id`, `day`; those of unwatched groups or days are left out.
        watched: `group_id`, `day` and `known_days`, one row per week and group.
        died: the result of `deaths`.
    """
    spans = watched.group_by("group_id").agg(first_day=pl.col("day").min(), through=_through().max())
    made = alerts.join(spans, on="group_id").filter(pl.col("day").is_between("first_day", "through"))
    pairs = made.join(died, on="group_id").with_columns(lead=(pl.col("death") - pl.col("day")).dt.total_days())
    pairs = pairs.filter(pl.col("lead").is_between(1, AHEAD))
    right = pairs.select("group_id", "day").unique()
    is_known = (pl.col("through") - pl.col("day")).dt.total_days() >= AHEAD
    known = made.filter(is_known)
    leads = pairs.group_by("group_id", "death").agg(pl.col("lead").max())["lead"]
    lead = leads.median()
    return AlertQuality(
        alerts=made.height,
        known=known.height,
        precision=_share(known.join(right, on=["group_id", "day"], how="semi").height, known.height),
        deaths=died.height,
        recall=_share(len(leads), died.height),
        early=_share(leads.filter(leads >= EARLY).len(), died.height),
        lead_days=float(lead) if isinstance(lead, int | float) else None,
        weekly=100 * made.height / watched.height if watched.height else 0.0,
    )


def crossings(rows: pl.DataFrame, score: pl.Expr, threshold: float, leaves: float | None = None) -> pl.DataFrame:
    """Find the measured days on which a score becomes high: `group_id`, `day`.

    It is high from the threshold on, until it is below `leaves` (None: the threshold) or a week is missing.
    """
    leaves = threshold if leaves is None else leaves
    known = rows.sort("group_id", "day").with_columns(score.alias("graded"))
    is_next = (pl.col("day").diff().dt.total_days() == _WEEK).over("group_id").fill_null(value=False)
    changed = pl.when(pl.col("graded") >= threshold).then(True).when((pl.col("graded") < leaves) | ~is_next).then(False)
    known = known.with_columns(is_next=is_next, is_high=changed.forward_fill().over("group_id"))
    was_high = pl.col("is_high").shift(1).over("group_id").fill_null(value=False) & pl.col("is_next")
    return known.filter(pl.col("is_high") & ~was_high).select("group_id", "day")


def _through() -> pl.Expr:
    return pl.col("day") + pl.duration(days=pl.col("known_days"))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
