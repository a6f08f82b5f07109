"""What is known of a group at the end of a day, and how long it stayed silent from then on."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from pipelines.groups.risk.walk import FEATURES, walk

_EPOCH: Final = dt.date(1970, 1, 1)


def risk_features(person_day: pl.LazyFrame, through: dt.date, every: int = 1) -> pl.LazyFrame:
    """Measure groups on every `every`-th day from their day 28 on, where a member was active in the 28 days before.

    A group's day 0 is the first with member activity. Each row follows from activity up to its day alone:
    `activity_H`, `persons_H`, `newcomers_H` are exponentially weighted means a day with a half-life of H days, of
    active days, of persons active and of persons active for the first time; `since_active_day_K` and
    `since_message_K` are days since the K-th last of them; `since_other_person` days since somebody else than the last
    person was active; `ends_alone` 1 where the last person was active twice and nobody answered; `age` in days;
    `longest_pause` in days, of the last 364; `outlasting_pauses` the share, of the group's pauses longer than the
    present silence, of those longer by 28 days, 0.3 added to these and 1 to all; `active_weeks` and
    `silent_fortnights` the shares of the last 52 weeks with activity, and of the last 364 days that end 14 without any.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        through: last complete day.
        every: days, 1 or more.

    Returns:
        `group_id`, `day`, and `FEATURES` as Float64.
    """
    name, person = pl.col("group_id"), pl.col("person_id")
    before = pl.col("last_time").shift(1).over("group_id")
    is_same = person == person.shift(1).over("group_id")
    is_after = (pl.col("first_time") > before).fill_null(value=True)
    acts = pl.col("messages").cast(pl.Int64) + pl.col("reactions")
    schema = {"group_id": pl.String(), "day": pl.Date(), **dict.fromkeys(FEATURES, pl.Float64())}
    return (
        person_day.filter((pl.col("day") <= through) & (acts > 0))
        .sort("group_id", "day", "last_time", "person_id")
        .select(
            "group_id",
            group=name.rle_id(),
            day=pl.col("day").to_physical().cast(pl.Int64),
            person=person.cast(pl.Categorical).to_physical().cast(pl.Int64),
            messages=acts,
            is_new=pl.col("day") == pl.col("day").min().over("group_id", "person_id"),
            is_alone=(is_same | ((acts >= 2) & is_after)).fill_null(value=False),
        )
        .map_batches(lambda rows: _measured(rows, through, every), schema=schema)
    )


def waits(person_day: pl.LazyFrame, rows: pl.LazyFrame, through: dt.date) -> pl.LazyFrame:
    """Say of each row how many days it took until a member was active again.

    Args:
        person_day: `schemas.lake.PERSON_DAY`, in any order.
        rows: `group_id`, `day` and any others.
        through: last complete day; activity after it is as if it were not known.

    Returns:
        `rows` by group and day, with `wait_days`, 1 or more, null where nobody was active again, and `known_days`, how
        many days after the row's are complete.
    """
    active = person_day.filter(pl.col("day") <= through).select("group_id", next_day="day").unique()
    return (
        rows.sort("day")
        .with_columns(tomorrow=pl.col("day") + pl.duration(days=1))
        .join_asof(
            active.sort("next_day"),
            left_on="tomorrow",
            right_on="next_day",
            by="group_id",
            strategy="forward",
            coalesce=False,
            # Both sides are sorted just above; with `by` Polars cannot see it and would warn.
            check_sortedness=False,
        )
        .with_columns(
            wait_days=(pl.col("next_day") - pl.col("day")).dt.total_days(),
            known_days=(pl.lit(through) - pl.col("day")).dt.total_days(),
        )
        .drop("tomorrow", "next_day")
        .sort("group_id", "day")
    )


def messages_before(person_day: pl.LazyFrame, rows: pl.LazyFrame, days: int) -> pl.LazyFrame:
    """Add `messages`, how often members were active in the `days` days that end with the row's `day`."""
    total = (
        person_day.group_by("group_id", "day")
        .agg(pl.col("messages").cast(pl.Int64).sum() + pl.col("reactions").cast(pl.Int64).sum())
        .sort("group_id", "day")
        .select("group_id", "day", until=pl.col("messages").cum_sum().over("group_id"))
        .sort("day")
    )
    opens = rows.with_columns(opens=pl.col("day") - pl.duration(days=days))
    for column, name in (("day", "through"), ("opens", "before")):
        # Both sides are sorted; with `by` Polars cannot see it and would warn.
        opens = opens.sort(column).join_asof(
            total.select("group_id", at="day", **{name: "until"}),
            left_on=column, right_on="at", by="group_id", coalesce=False, check_sortedness=False,
        ).drop("at")  # fmt: skip
    messages = pl.col("through").fill_null(0) - pl.col("before").fill_null(0)
    return opens.with_columns(messages=messages).drop("opens", "through", "before").sort("group_id", "day")


def _measured(rows: pl.DataFrame, through: dt.date, every: int) -> pl.DataFrame:
    # A column is read-only or not as it happens to lie in memory, and each case would be compiled.
    at, day, values = walk(
        rows["group"].to_numpy(writable=True),
        rows["day"].to_numpy(writable=True),
        rows["person"].to_numpy(writable=True),
        rows["messages"].to_numpy(writable=True),
        rows["is_new"].to_numpy(writable=True),
        rows["is_alone"].to_numpy(writable=True),
        (through - _EPOCH).days,
        every,
    )
    measured = pl.DataFrame(np.ascontiguousarray(values), schema=list(FEATURES))
    return measured.with_columns(
        group_id=rows["group_id"].gather(at), day=pl.Series(day).cast(pl.Int32).cast(pl.Date)
    ).select("group_id", "day", *FEATURES)
