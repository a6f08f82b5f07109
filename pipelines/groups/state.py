"""Spells: consecutive days of a group in one state, each with its reasons in words."""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.groups.life import ENDED, LIVING
from pipelines.groups.reasons import reason
from schemas.lake import COMPONENTS, GROUP_STATE, GROUP_STATES

_SILENCE: Final = ("silence_chance", "silences_as_long", "silences_until_dead", "dead_after_days")
_A_DAY: Final = pl.duration(days=1)


def group_state(life: pl.LazyFrame) -> pl.LazyFrame:
    """Divide each group's days into spells of one state (docs/definitions.md#life-of-a-group).

    `unborn` from the first day with any event; `alive` from the day of birth; `declining` and `dying` as
    `pipelines.groups.life.live` judges; `dead` from the day on which no member has been active for `dead_after_days`
    measured days; `revived` from the first day with member activity after that; `ended`, permanently, from the earlier
    of the day the group was closed and its planned end. An unborn group does not die.

    Args:
        life: `LIFE_DAY` of some groups, sorted by group and day.

    Returns:
        `schemas.lake.GROUP_STATE`: spells `[since, until)` without gaps from a group's first day with any event.
        `silent_days` counts the complete days since `last_active_day` up to the end of the spell, or to the last
        complete day in the current one; both are null where no member was ever active. `unmeasured_since` is the day
        after the last measured one, null where that is the last day of the spell, and of an ended group. `coverage` and
        `membership` are those of its last day.
    """
    day = pl.col("day")
    is_living = pl.col("state").is_in(LIVING)
    spells = (
        life.with_columns(
            last_active=pl.when(pl.col("active_members") > 0).then(day).forward_fill().over("group_id"),
            # If a spell has no measured day before, its first day is unmeasured.
            unmeasured=pl.when(pl.col("is_measured"))
            .then(day + _A_DAY)
            .forward_fill()
            .fill_null(day.min())
            .over("group_id"),
            before=pl.col("state").shift(1).over("group_id"),
            spell=pl.struct("group_id", "state").rle_id(),
        )
        .with_columns(active_before=pl.col("last_active").shift(1).over("group_id"))
        .group_by("spell", maintain_order=True)
        .agg(
            pl.col("group_id", "state", "before", "is_measured", "born_day", "end_day", "end_reason").first(),
            pl.col("active_before", "silent_days", *_SILENCE, *COMPONENTS).first(),
            since=day.first(),
            last_day=day.last(),
            last_active_day=pl.col("last_active").last(),
            unmeasured_since=pl.col("unmeasured").last(),
            coverage=pl.col("coverage").last(),
            membership=pl.col("membership").last(),
        )
    )
    return (
        spells.with_columns(
            reason=reason(),
            until=pl.col("since").shift(-1).over("group_id"),
            silent_days=(pl.col("last_day") - pl.col("last_active_day")).dt.total_days(),
            unmeasured_since=pl.when(
                pl.col("unmeasured_since") <= pl.col("last_day"), pl.col("state") != GROUP_STATES[ENDED]
            ).then("unmeasured_since"),
        )
        .with_columns(
            *(pl.when(is_living).then(name).alias(name) for name in COMPONENTS),
            is_current=pl.col("until").is_null(),
        )
        .select(GROUP_STATE.columns.keys())
        .cast(GROUP_STATE.schema)
    )
