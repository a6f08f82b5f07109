"""Features of a group at the end of a day, and how long it was silent from then on."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from pipelines.arrays import fixed
from pipelines.groups.risk.measured import DEAD_AFTER_DAYS, FEATURES
from pipelines.groups.risk.walk import walk

LEAST_MESSAGES: Final = 30

_EPOCH: Final = dt.date(1970, 1, 1)


def risk_features(person_day: pl.LazyFrame, through: dt.date, every: int = 1, since: dt.date = _EPOCH) -> pl.LazyFrame:
    """Measure groups on every `every`-th day from their day 28 on, if a member was active in the 28 days before.

    A group's day 0 is the first with member activity. Each row depends only on activity up to its day:

    - `activity_H`, `persons_H`, `newcomers_H`: exponentially weighted daily means, with a half-life of H days, of
      active days (0 or 1), of active persons, and of persons active for the first time;
    - `since_active_day_K`, `since_message_K`: days since the K-th newest active day or message;
    - `since_other_person`: days since somebody other than the last active person was active;
    - `ends_alone`: 1 if the last two activities are of one person, without an answer;
    - `age`: in days; `longest_pause`: in days, of the last 364 days;
    - `outlasting_pauses`: of the group's pauses longer than the present silence, the share of those at least 28 days
      longer, with 0.3 added to these and 1 to all;
    - `active_weeks`: share of the last 52 weeks with activity; `silent_fortnights`: share of the last 364 days that end
      14 days without activity.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        through: last complete day.
        every: step in days, 1 or more.
        since: first day to measure.

    Returns:
        `group_id`, `day`, and `FEATURES` as Float64.
    """
    name, person = pl.col("group_id"), pl.col("person_id")
    before = pl.col("last_time").shift(1).over("group_id")
    is_same = person == person.shift(1).over("group_id")
    is_after = (pl.col("first_time") > before).fill_null(value=True)
    schema = {"group_id": pl.String(), "day": pl.Date(), **dict.fromkeys(FEATURES, pl.Float64())}
    return (
        person_day.filter((pl.col("day") <= through) & (acts() > 0))
        .sort("group_id", "day", "last_time", "person_id")
        .select(
            "group_id",
            group=name.rle_id(),
            day=pl.col("day").to_physical().cast(pl.Int64),
            person=person.cast(pl.Categorical).to_physical().cast(pl.Int64),
            messages=acts(),
            is_new=pl.col("day") == pl.col("day").min().over("group_id", "person_id"),
            is_alone=(is_same | ((acts() >= 2) & is_after)).fill_null(value=False),
        )
        .map_batches(lambda rows: _measured(rows, through, every, since), schema=schema)
    )


def waits(person_day: pl.LazyFrame, rows: pl.LazyFrame, through: dt.date) -> pl.LazyFrame:
    """Add to each row how long it took until a member was active again, and until the group was dead.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        rows: `group_id`, `day` and any others.
        through: last complete day; later activity is ignored.

    Returns:
        `rows` by group and day, with `wait_days`, the days until a member was active again (1 or more; null: nobody
        was); `dead_days`, the days until the end of the first 28 consecutive days after the row's without member
        activity (null: there are none); `known_days`, the number of complete days after the row's.
    """
    known = (pl.lit(through) - pl.col("day")).dt.total_days()
    active = person_day.filter(pl.col("day") <= through).select("group_id", next_day="day").unique()
    waited = rows.sort("day").with_columns(known_days=known, tomorrow=pl.col("day") + pl.duration(days=1))
    for found, column in ((active, "next_day"), (quiet_days(person_day, through), "last_day")):
        waited = waited.join_asof(
            found.sort(column),
            left_on="tomorrow",
            right_on=column,
            by="group_id",
            strategy="forward",
            coalesce=False,
            # Both sides are sorted; with `by` Polars cannot see it and would warn.
            check_sortedness=False,
        )
    return (
        waited.with_columns(wait_days=(pl.col("next_day") - pl.col("day")).dt.total_days())
        .with_columns(
            dead_days=pl.when(_is_quiet(pl.col("wait_days"), pl.col("known_days")))
            .then(DEAD_AFTER_DAYS)
            .otherwise((pl.col("last_day") - pl.col("day")).dt.total_days() + DEAD_AFTER_DAYS)
        )
        .drop("tomorrow", "next_day", "last_day")
        .sort("group_id", "day")
    )


def quiet_days(person_day: pl.LazyFrame, through: dt.date) -> pl.LazyFrame:
    """Find active days followed by 28 days without known member activity: `group_id`, `last_day`."""
    wait = (pl.col("day").shift(-1).over("group_id") - pl.col("day")).dt.total_days()
    known = (pl.lit(through) - pl.col("day")).dt.total_days()
    return (
        person_day.filter(pl.col("day") <= through)
        .select("group_id", "day")
        .unique()
        .sort("group_id", "day")
        .filter(_is_quiet(wait, known))
        .select("group_id", last_day="day")
    )


def _is_quiet(wait_days: pl.Expr, known_days: pl.Expr) -> pl.Expr:
    return wait_days.fill_null(known_days + 1) > DEAD_AFTER_DAYS


def with_messages(person_day: pl.LazyFrame, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the number of members' messages and reactions up to each row's day.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        rows: `group_id`, `day` and any others.

    Returns:
        `rows` by group and day, with `messages_so_far`, `messages_28d` of the 28 days that end with `day`, and
        `messages_28d_before` of the 28 days before those.
    """
    total = (
        person_day.group_by("group_id", at="day")
        .agg(messages=acts().sum())
        .sort("group_id", "at")
        .with_columns(pl.col("messages").cum_sum().over("group_id"))
        .sort("at")
    )
    counted = rows
    for months in range(3):
        counted = (
            counted.with_columns(end=pl.col("day") - pl.duration(days=months * DEAD_AFTER_DAYS))
            .sort("end")
            # Both sides are sorted; with `by` Polars cannot see it and would warn.
            .join_asof(total, left_on="end", right_on="at", by="group_id", coalesce=False, check_sortedness=False)
            .with_columns(pl.col("messages").fill_null(0).alias(f"until_{months}"))
            .drop("end", "at", "messages")
        )
    return (
        counted.with_columns(
            messages_so_far="until_0",
            messages_28d=pl.col("until_0") - pl.col("until_1"),
            messages_28d_before=pl.col("until_1") - pl.col("until_2"),
        )
        .drop("until_0", "until_1", "until_2")
        .sort("group_id", "day")
    )


def history(person_day: pl.LazyFrame, through: dt.date, every: int = 7) -> pl.DataFrame:
    """Measure the past of groups with at least 30 messages, and the outcome of each day, as training data of the risk.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        through: last complete day; later activity is ignored.
        every: days between two measurements.

    Returns:
        The columns of `risk_features`, `waits` and `with_messages`, by group and day.
    """
    spoken = talkative(person_day.filter(pl.col("day") <= through))
    rows = risk_features(spoken, through, every)
    return with_messages(spoken, waits(spoken, rows, through)).collect()


def talkative(person_day: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the rows of groups whose members were active at least 30 times; others get no risk."""
    return person_day.filter(acts().sum().over("group_id") >= LEAST_MESSAGES)


def acts() -> pl.Expr:
    """Sum up messages and reactions: how often a member was active."""
    return pl.col("messages").cast(pl.Int64) + pl.col("reactions")


def _measured(rows: pl.DataFrame, through: dt.date, every: int, since: dt.date) -> pl.DataFrame:
    at, day, values = walk(
        fixed(rows["group"]),
        fixed(rows["day"]),
        fixed(rows["person"]),
        fixed(rows["messages"]),
        fixed(rows["is_new"]),
        fixed(rows["is_alone"]),
        (since - _EPOCH).days,
        (through - _EPOCH).days,
        every,
    )
    measured = pl.DataFrame(np.ascontiguousarray(values), schema=list(FEATURES))
    return measured.with_columns(
        group_id=rows["group_id"].gather(at), day=pl.Series(day).cast(pl.Int32).cast(pl.Date)
    ).select("group_id", "day", *FEATURES)
