"""Match each case with untreated groups that were similar to its group on its day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.groups.interventions.known import known_before, measured

APART_DAYS: Final = 28
"""An action is a case where the group had none of its kind in so many days before; who had one is treated."""

DAYS_BEFORE: Final = (0, 7, 14)
"""A case is compared with groups as they were on its day, and on the same weekday of the two weeks before."""

COMPARISONS: Final = 3
"""The most untreated groups that a case is compared with on each of these days."""


@dataclass(frozen=True)
class Likeness:
    """Limits of the differences between a case and a comparison.

    Attributes:
        same: columns that must be equal.
        ratios: largest ratio of two numbers, by column, after 1 is added to each.
        risk: largest difference of the published risks, if both groups had one.
    """

    same: tuple[str, ...]
    ratios: Mapping[str, float]
    risk: float


CLOSE: Final = Likeness(
    ("purpose", "need", "others", "was_active"),
    {"silent_days": 2.0, "messages_28d": 4.0, "messages_so_far": 5.0, "age": 3.0},
    0.1,
)
"""What a case is compared with."""

LOOSE: Final = Likeness(("need", "was_active"), {"silent_days": 4.0, "messages_28d": 16.0}, 0.2)
"""What stands for a comparison that is treated in its turn, where nothing is close to it."""

_OTHERS_DAYS: Final = 7

_AT_ONCE: Final = 2_000
"""How many cases are joined with groups at a time: it bounds memory."""
CASE: Final = ("action", "group_id", "day")
OTHER: Final = ("other_group_id", "other_day")


@dataclass(frozen=True)
class Past:
    """The lake tables in which cases are found.

    Attributes:
        interventions: `schemas.lake.INTERVENTION`.
        states: `schemas.lake.GROUP_STATE`.
        group_day: `schemas.lake.GROUP_DAY`.
        group_hour: `schemas.lake.GROUP_HOUR`.
        groups: `schemas.lake.GROUP`.
        feed_day: `schemas.lake.FEED_DAY`.
        risks: `schemas.lake.GROUP_RISK`.
        through: last complete day.
        zone: IANA name of the business zone.
    """

    interventions: pl.LazyFrame
    states: pl.LazyFrame
    group_day: pl.LazyFrame
    group_hour: pl.LazyFrame
    groups: pl.LazyFrame
    feed_day: pl.LazyFrame
    risks: pl.LazyFrame
    through: dt.date
    zone: str


def cases(past: Past, needs: pl.LazyFrame) -> pl.DataFrame:
    """Find each first action of its kind in 28 days in a group in need.

    Args:
        past: The lake tables.
        needs: The result of `pipelines.groups.interventions.needs.spells_in_need`.

    Returns:
        `action`, `group_id`, `day`, the business zone's `hour` of the action, `purpose`, `need` and `born_day`.
    """
    before = pl.col("day").shift(1).over("group_id", "action")
    is_first = (pl.col("day") - before).dt.total_days().fill_null(APART_DAYS + 1) > APART_DAYS
    return (
        past.interventions.select("group_id", "action", "at", "day")
        .filter(pl.col("day") <= past.through)
        .sort("group_id", "action", "at")
        .filter(is_first)
        .with_columns(hour=pl.col("at").dt.convert_time_zone(past.zone).dt.hour())
        .join(needs, on="group_id")
        .filter(pl.col("day").is_between("begin", "end", closed="left"))
        .select(*CASE, "hour", "purpose", "need", "born_day")
        .collect()
    )


def comparisons(found: pl.DataFrame, past: Past, needs: pl.LazyFrame, alike: Likeness) -> pl.DataFrame:
    """Find untreated groups that were similar to each case's group, up to 3 on each of three days.

    This is risk set matching (Li, Propert & Rosenbaum 2001): a comparison was untreated so far and in the same need,
    regardless of what happened later. Similarity is by what was known when the day began: silence, messages of 28 days
    and of all time, age, published risk and purpose; the other actions of the day and the 6 days before; and whether a
    member was active on the day before the hour of the action. The nearest groups are chosen: by the sum of squares of
    the log ratios and of the difference of risks, each divided by its limit.

    Args:
        found: The result of `cases`.
        past: The lake tables.
        needs: The result of `pipelines.groups.interventions.needs.spells_in_need`.
        alike: How similar they must be.

    Returns:
        One row per case and comparison: `action`, `group_id`, `day`, `other_group_id`, `other_day`.
    """
    spells = _by_week(needs, past).collect().lazy()
    parts = [_compared(part, past, spells, alike) for part in found.iter_slices(_AT_ONCE)]
    empty = found.select(*CASE, other_group_id="group_id", other_day="day").clear()
    return pl.concat([empty, *parts]).sort(*CASE, *OTHER)


def _by_week(needs: pl.LazyFrame, past: Past) -> pl.LazyFrame:
    """Return each spell once per week it spans, so that a case is joined only with spells of its own week."""
    end = pl.min_horizontal("end", pl.lit(past.through) + pl.duration(days=1))
    weeks = pl.int_ranges(_week(pl.col("begin")), _week(end - pl.duration(days=1)) + 1)
    return needs.filter(pl.col("begin") < end).with_columns(week=weeks).explode("week")


def _week(day: pl.Expr) -> pl.Expr:
    return day.to_physical().cast(pl.Int64) // 7


def _compared(found: pl.DataFrame, past: Past, spells: pl.LazyFrame, alike: Likeness) -> pl.DataFrame:
    """Find the comparisons of some cases."""
    pairs = _candidates(found.lazy(), past, spells, [name for name in alike.same if name in found.columns]).collect()
    treated = _described(found.select(CASE), past)
    others = pairs.select("action", group_id="other_group_id", day="other_day").unique()
    untreated = _described(others, past).select("action", pl.exclude("action").name.prefix("other_"))
    hour = pl.col("hour")
    return (
        pairs.join(treated, on=CASE)
        .join(untreated, on=["action", *OTHER])
        .with_columns(
            was_active=(pl.col("active_hour") < hour).fill_null(value=False),
            other_was_active=(pl.col("other_active_hour") < hour).fill_null(value=False),
        )
        .filter(pl.col(name) == pl.col(f"other_{name}") for name in alike.same if name not in found.columns)
        .with_columns(distance=_distance(alike))
        .drop_nulls("distance")
        .select(*CASE, *OTHER, "distance")
        .sort(*CASE, "other_day", "distance", "other_group_id")
        .filter(pl.int_range(pl.len()).over(*CASE, "other_day") < COMPARISONS)
        .drop("distance")
    )


def _candidates(found: pl.LazyFrame, past: Past, spells: pl.LazyFrame, same: list[str]) -> pl.LazyFrame:
    """Return pairs of a case and an untreated group in need.

    The compared days are the same for all groups. Choosing the last day on which a group was in need would use
    knowledge of the future: on that day it is about to recover.
    """
    names = {name: f"other_{name}" for name in ("group_id", "born_day", "purpose", "need") if name not in same}
    treated = past.interventions.select(other_group_id="group_id", action="action", treated="day").sort("treated")
    return (
        found.with_columns(ago=pl.lit(DAYS_BEFORE))
        .explode("ago")
        .with_columns(other_day=pl.col("day") - pl.duration(days="ago"))
        .with_columns(week=_week(pl.col("other_day")))
        .join(spells.rename(names), on=[*same, "week"], nulls_equal=True)
        .filter(pl.col("group_id") != pl.col("other_group_id"))
        .filter(pl.col("other_day").is_between("begin", "end", closed="left"))
        .with_columns(
            age=(pl.col("day") - pl.col("born_day")).dt.total_days(),
            other_age=(pl.col("other_day") - pl.col("other_born_day")).dt.total_days(),
        )
        .sort("other_day")
        # Both sides are sorted; with `by` Polars cannot see it and would warn.
        .join_asof(
            treated, left_on="other_day", right_on="treated", by=["other_group_id", "action"], coalesce=False,
            check_sortedness=False,
        )
        .filter((pl.col("other_day") - pl.col("treated")).dt.total_days().fill_null(APART_DAYS + 1) > APART_DAYS)
        .select(*CASE, *OTHER, "hour", "age", "other_age")
    )  # fmt: skip


def _described(places: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Add to `action`, `group_id`, `day` what was known then; rows whose day before is not measured are left out."""
    eve = pl.col("day") - pl.duration(days=1)
    known = known_before(measured(places.lazy(), eve, past.group_day, past.feed_day), past.group_day, past.risks)
    hours = past.group_hour.filter(pl.col("messages") + pl.col("reactions") > 0)
    first_hours = hours.join(places.lazy(), on=["group_id", "day"], how="semi").group_by("group_id", "day")
    return (
        known.join(first_hours.agg(active_hour=pl.col("hour").min()), on=["group_id", "day"], how="left")
        .join(_other_actions(places.lazy(), past.interventions), on=CASE, how="left")
        .with_columns(pl.col("others").fill_null(""))
        .collect()
    )


def _other_actions(places: pl.LazyFrame, done: pl.LazyFrame) -> pl.LazyFrame:
    """Add the other actions in the 7 days that end with a day, as one text."""
    ago = (pl.col("day") - pl.col("done_day")).dt.total_days()
    return (
        places.join(done.select("group_id", other="action", done_day="day"), on="group_id")
        .filter((pl.col("other") != pl.col("action")) & ago.is_between(0, _OTHERS_DAYS - 1))
        .group_by(CASE)
        .agg(others=pl.col("other").unique().sort().str.join(" "))
    )


def _distance(alike: Likeness) -> pl.Expr:
    """Return the distance of a case and a comparison; null if it exceeds a limit of `Likeness`."""
    unlike = [
        ((pl.col(name) + 1) / (pl.col(f"other_{name}") + 1)).log().abs() / pl.lit(ratio).log()
        for name, ratio in alike.ratios.items()
    ]
    unlike.append(((pl.col("risk") - pl.col("other_risk")).abs() / alike.risk).fill_null(0.0))
    return pl.when(pl.all_horizontal(part <= 1 for part in unlike)).then(pl.sum_horizontal(part**2 for part in unlike))
