"""The life of groups as spells of days: unborn, alive, dead, alive again, ended."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.groups.birth import BIRTH_MEMBERS, BIRTH_MESSAGES, BIRTH_WINDOW
from schemas.lake import GROUP_STATE

UNBORN: Final = "unborn"
ALIVE: Final = "alive"
DEAD: Final = "dead"
ENDED: Final = "ended"

_A_DAY: Final = dt.timedelta(days=1)
_BIRTH: Final = f"within {BIRTH_WINDOW // dt.timedelta(minutes=1)} minutes"
_BORN: Final = f"{BIRTH_MEMBERS} members exchanged {BIRTH_MESSAGES} messages {_BIRTH}"
_NOT_BORN: Final = f"not yet {BIRTH_MESSAGES} messages of {BIRTH_MEMBERS} members {_BIRTH}"


def group_state(
    group_day: pl.LazyFrame,
    groups: pl.LazyFrame,
    complete_through: dt.date | None,
    zone: str,
    dead_after_days: int = 28,
) -> pl.LazyFrame:
    """Divide each group's days into spells of one state (definitions, section 7).

    `unborn` from the first day with any event; `alive` from the day of birth and again from the
    first day with member activity after a death; `dead` from the first day that is
    `dead_after_days` after the last with member activity and has none itself; `ended` from the day
    the group was closed or was planned to end, the earlier one, and for good. An unborn group does
    not die. Only complete days are judged: what happened later is as if it were not known.

    Args:
        group_day: `schemas.lake.GROUP_DAY` over all history.
        groups: `schemas.lake.GROUP` of the same events.
        complete_through: Last complete day; none judges no day and gives no row.
        zone: IANA name of the business zone, in which the days of birth and end are taken.
        dead_after_days: Complete days without member activity after which a group is dead, 1 or
            more.

    Returns:
        `schemas.lake.GROUP_STATE`: spells `[since, until)` without gaps from a group's first day
        with any event. `silent_days` counts the complete days without member activity since
        `last_active_day` up to the end of the spell, or to `complete_through` in the current one;
        both are null where no member was ever active.
    """
    through = pl.lit(complete_through, pl.Date)
    days = group_day.filter(pl.col("day") <= through)
    lives = _lives(days, groups, through, zone)
    active_days = days.filter(pl.col("active_members") > 0).select("group_id", "day")
    alternations = _alternations(active_days, lives, through, dead_after_days)
    spells = (
        pl.concat([_unborn(lives), alternations, _ended(lives)])
        .sort("group_id", "since")
        .with_columns(until=pl.col("since").shift(-1).over("group_id"))
        .with_columns(
            is_current=pl.col("until").is_null(),
            last_day=(pl.col("until") - _A_DAY).fill_null(through),
        )
    )
    return (
        spells.sort("last_day")
        .join_asof(
            active_days.sort("day"),
            left_on="last_day",
            right_on="day",
            by="group_id",
            coalesce=False,
            # Both sides are sorted just above; with `by` Polars cannot see it and would warn.
            check_sortedness=False,
        )
        .with_columns(
            last_active_day=pl.col("day"),
            silent_days=(pl.col("last_day") - pl.col("day")).dt.total_days(),
        )
        .select(GROUP_STATE.columns.keys())
        .cast(GROUP_STATE.schema)
    )


def _lives(days: pl.LazyFrame, groups: pl.LazyFrame, through: pl.Expr, zone: str) -> pl.LazyFrame:
    """First day, days of birth and end where reached by `through`, and why it ended, a group."""

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
                born_day=day_of("born_at"),
                closed_day=day_of("closed_at"),
                planned_day=day_of("planned_end"),
            ),
            on="group_id",
            how="left",
        )
        .with_columns(
            # Spells begin with the first day known: an end before it makes all of them ended.
            end_day=pl.when(end.is_not_null()).then(pl.max_horizontal("first_day", end)),
            end_reason=end_reason,
        )
    )


def _unborn(lives: pl.LazyFrame) -> pl.LazyFrame:
    """The opening of each unborn spell: group, day, state and reason."""
    born = pl.col("born_day")
    return lives.filter((born.is_null() | (pl.col("first_day") < born)) & _before_end("first_day")).select(
        "group_id", since="first_day", state=pl.lit(UNBORN), reason=pl.lit(_NOT_BORN)
    )


def _alternations(
    active_days: pl.LazyFrame, lives: pl.LazyFrame, through: pl.Expr, dead_after_days: int
) -> pl.LazyFrame:
    """The openings of the spells of life and death, from birth on: group, day, state and reason."""
    day, before, after = pl.col("day"), pl.col("before"), pl.col("after")
    patience = pl.duration(days=dead_after_days)
    # The next activity, where none is known, comes no sooner than the first incomplete day.
    unknown = through + _A_DAY
    living = (
        active_days.join(lives.select("group_id", "born_day", "end_day"), on="group_id")
        .filter(day >= pl.col("born_day"))
        .sort("group_id", "day")
        .with_columns(
            before=day.shift(1).over("group_id"),
            after=day.shift(-1).over("group_id").fill_null(unknown),
        )
    )
    silence = (day - before).dt.total_days() - 1
    revived = pl.format("member activity again after {} silent days", silence)
    alive = living.filter(before.is_null() | (day - before > patience)).select(
        "group_id",
        "end_day",
        since="day",
        state=pl.lit(ALIVE),
        reason=pl.when(before.is_null()).then(pl.lit(_BORN)).otherwise(revived),
    )
    dead = living.filter(after - day > patience).select(
        "group_id",
        "end_day",
        since=day + patience,
        state=pl.lit(DEAD),
        reason=pl.format("no member activity for {} days since {}", pl.lit(dead_after_days), day),
    )
    return pl.concat([alive, dead]).filter(_before_end("since")).drop("end_day")


def _ended(lives: pl.LazyFrame) -> pl.LazyFrame:
    """The opening of each ended spell: group, day, state and reason."""
    return lives.filter(pl.col("end_day").is_not_null()).select(
        "group_id", since="end_day", state=pl.lit(ENDED), reason="end_reason"
    )


def _before_end(day: str) -> pl.Expr:
    return pl.col("end_day").is_null() | (pl.col(day) < pl.col("end_day"))
