"""The health of groups: components of each day, compared with the group's own past, and the resulting state."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from pipelines.arrays import fixed, frozen
from pipelines.engagement.first_seen import first_seen
from pipelines.groups.concentration import HALF_WRITERS, with_half_writers
from pipelines.groups.coverage import coverage_so_far, membership_so_far
from pipelines.groups.feed_day import measured_days
from pipelines.groups.life import LIVING, MESSAGES, MONTH, REPLIES, SPEAKERS, WEEK, live
from pipelines.groups.thresholds import LifeRules
from schemas.lake import GROUP_HEALTH, GROUP_STATES

LIFE_DAY: Final = pl.Schema({
    **GROUP_HEALTH.schema, "active_members": pl.Int32(), "born_day": pl.Date(), "end_day": pl.Date(),
    "end_reason": pl.String(), "coverage": pl.String(), "membership": pl.String(),
    "silence_chance": pl.Float64(), "silences_as_long": pl.Int32(),
    "silences_until_dead": pl.Int32(), "dead_after_days": pl.Int32(),
})  # fmt: skip
"""A day of a group in any state: the columns of `GROUP_HEALTH`, dates of its life, and the results on silence of
`pipelines.groups.life.live`."""

_COUNTS: Final = ("speakers", "messages", "replies")
_SUMMED: Final = (*_COUNTS, "active_members", "joined", "left", "operator_messages", "bot_messages")
_JUDGED: Final = pl.Schema({name: dtype for name, dtype in LIFE_DAY.items() if name not in HALF_WRITERS})


def life_days(
    group_day: pl.LazyFrame,
    person_day: pl.LazyFrame,
    feed_day: pl.LazyFrame,
    groups: pl.LazyFrame,
    complete_through: dt.date | None,
    zone: str,
    rules: LifeRules,
) -> pl.DataFrame:
    """Compute the state and components of each group on each complete day (docs/definitions.md#life-of-a-group).

    Later days are ignored. A group's rows depend only on its own input rows and on `feed_day`, so groups can be
    computed separately.

    Args:
        group_day: `schemas.lake.GROUP_DAY` over all history of some groups.
        person_day: `schemas.lake.PERSON_DAY` of the same groups.
        feed_day: `schemas.lake.FEED_DAY` of all sources.
        groups: `schemas.lake.GROUP` of the same groups.
        complete_through: Last complete day; None gives no rows.
        zone: IANA name of the business zone, for the days of birth and end.
        rules: Thresholds, by purpose.

    Returns:
        `LIFE_DAY`, sorted by group and day: one row for each group and complete day from its first event on.
    """
    days = judged_days(group_day, first_seen(person_day), feed_day, groups, complete_through, zone, rules)
    return with_half_writers(days, person_day, pl.DataFrame(schema=GROUP_HEALTH.schema)).select(LIFE_DAY.keys())


def judged_days(
    group_day: pl.LazyFrame,
    first_seen: pl.LazyFrame,
    feed_day: pl.LazyFrame,
    groups: pl.LazyFrame,
    complete_through: dt.date | None,
    zone: str,
    rules: LifeRules,
) -> pl.DataFrame:
    """Compute what `life_days` does, except `HALF_WRITERS`.

    The arguments are those of `life_days`, with `schemas.lake.FIRST_SEEN` of the same groups for `person_day`.

    Returns:
        `LIFE_DAY` without `HALF_WRITERS`, in the same order.
    """
    through = pl.lit(complete_through, pl.Date)
    known = group_day.filter(pl.col("day") <= through)
    days = _every_day(known, feed_day, _lives(known, groups, through, zone), first_seen, through)
    return _judged(_with_months(days).collect(engine="streaming"), rules)


def group_health(life: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the days of `LIFE_DAY` on which a group lives, as `schemas.lake.GROUP_HEALTH`."""
    return life.filter(pl.col("state").is_in(LIVING)).select(GROUP_HEALTH.columns.keys())


def _lives(days: pl.LazyFrame, groups: pl.LazyFrame, through: pl.Expr, zone: str) -> pl.LazyFrame:
    """Return by group its first day, the days of birth and end if reached by `through`, and why it ended."""

    def day_of(column: str) -> pl.Expr:
        day = pl.col(column).dt.convert_time_zone(zone).dt.date()
        return pl.when(day <= through).then(day)

    closed, planned = pl.col("closed_day"), pl.col("planned_day")
    end = pl.min_horizontal(closed, planned)
    end_reason = (
        pl.when(planned.is_null() | (closed <= planned))
        .then(pl.format("closed on {}", closed))
        .otherwise(pl.format("planned to end on {}", planned))
    )
    return (
        days.group_by("group_id")
        .agg(first_day=pl.col("day").min())
        .join(
            groups.select(
                "group_id",
                "purpose",
                born_day=day_of("born_at"),
                closed_day=day_of("closed_at"),
                planned_day=day_of("planned_end"),
            ),
            on="group_id",
            how="left",
        )
        .with_columns(
            # Spells begin on the first known day; an end before it makes all days ended.
            end_day=pl.when(end.is_not_null()).then(pl.max_horizontal("first_day", end)),
            end_reason=end_reason,
        )
    )


def _every_day(
    known: pl.LazyFrame, feed_day: pl.LazyFrame, lives: pl.LazyFrame, first_seen: pl.LazyFrame, through: pl.Expr
) -> pl.LazyFrame:
    """Return one row for each group and day from its first on; counts of days without events are 0."""
    newly_active = first_seen.group_by("group_id", day="first_day").agg(newly_active=pl.len())
    measured = measured_days(known, feed_day).with_columns(is_measured=pl.lit(value=True))
    counts = (*_SUMMED, "newly_active")
    return (
        lives.with_columns(day=pl.date_ranges("first_day", through))
        .explode("day")
        .join(known.select("group_id", "day", "coverage", "membership", *_SUMMED), on=["group_id", "day"], how="left")
        .join(newly_active, on=["group_id", "day"], how="left")
        .join(measured, on=["group_id", "day"], how="left")
        .with_columns(pl.col(*counts).fill_null(0).cast(pl.Int64), pl.col("is_measured").fill_null(value=False))
        .sort("group_id", "day")
        .with_columns(coverage=coverage_so_far(), membership=membership_so_far())
    )


def _with_months(days: pl.LazyFrame) -> pl.LazyFrame:
    """Add the sums of 28 days, and of operators also those of 7."""

    def summed(column: str, span: int) -> pl.Expr:
        return pl.col(column).rolling_sum(span, min_samples=1).over("group_id")

    staff = summed("operator_messages", MONTH) + summed("bot_messages", MONTH)
    everybody = staff + summed("messages", MONTH)
    return days.with_columns(
        messages_28d=summed("messages", MONTH),
        operator_messages_7d=summed("operator_messages", WEEK),
        operator_share_28d=pl.when(everybody > 0).then(staff / everybody),
        joined_28d=summed("joined", MONTH),
        left_28d=summed("left", MONTH),
        newly_active_28d=summed("newly_active", MONTH),
    )


def _judged(days: pl.DataFrame, rules: LifeRules) -> pl.DataFrame:
    """Add states and comparisons with usual values, which are computed group by group."""
    size = days.height
    states, weeks, silent = np.zeros(size, np.int8), np.zeros(size, np.int64), np.zeros(size, np.int64)
    sums, usual = np.zeros((size, 3), np.int64), np.full((size, 3), np.nan)
    chance, earlier, until_dead = np.full(size, np.nan), np.zeros((size, 2), np.int64), np.zeros(size, np.int64)
    counts = frozen(np.ascontiguousarray(days.select(_COUNTS).to_numpy()))
    is_active = fixed(days["active_members"] > 0)
    is_measured = fixed(days["is_measured"])
    lives = days.group_by("group_id", maintain_order=True).agg(
        pl.len(), pl.col("purpose").first(), born=_offset("born_day", size), ended=_offset("end_day", size)
    )
    stop = 0
    for _, length, purpose, born, ended in lives.iter_rows():
        begin, stop = stop, stop + length
        part = slice(begin, stop)
        of_purpose = rules.of(purpose)
        until_dead[part] = of_purpose.dead_after_days
        states[part], sums[part], usual[part], weeks[part], silent[part], chance[part], earlier[part] = live(
            counts[part], is_active[part], is_measured[part], born, ended, of_purpose
        )
    return (
        days.with_columns(
            state=pl.Series(states).replace_strict(range(len(GROUP_STATES)), GROUP_STATES, return_dtype=pl.String),
            silent_days=silent,
            speaker_days_7d=sums[:, SPEAKERS],
            messages_7d=sums[:, MESSAGES],
            replies_7d=sums[:, REPLIES],
            speaker_days_usual=usual[:, SPEAKERS],
            messages_usual=usual[:, MESSAGES],
            replies_usual=usual[:, REPLIES],
            baseline_weeks=weeks,
            silence_chance=chance,
            silences_as_long=earlier[:, 0],
            silences_until_dead=earlier[:, 1],
            dead_after_days=until_dead,
        )
        .with_columns(pl.col("^.*_usual$", "silence_chance").fill_nan(None))
        .select(_JUDGED.keys())
        .cast(_JUDGED)
    )


def _offset(day: str, unknown: int) -> pl.Expr:
    offset = (pl.col(day) - pl.col("first_day")).dt.total_days().clip(lower_bound=0)
    return offset.fill_null(unknown).first()
