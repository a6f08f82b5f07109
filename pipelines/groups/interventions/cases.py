"""Interventions in groups in need, each beside what became of comparable groups that were left alone."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.groups.interventions.alike import CASE, CLOSE, LOOSE, OTHER, Past, cases, comparisons
from pipelines.groups.interventions.known import measured, with_outcome
from pipelines.groups.interventions.needs import spells_in_need

AFTER_DAYS: Final = 28
"""How long after an intervention its outcome is looked at."""

_MOST_TIMES: Final = 4
"""How often a comparison that is treated is followed by another one."""


def matched_cases(past: Past) -> pl.DataFrame:
    """Find the cases of each action, and what became of comparable groups that were not treated.

    A case is the first action of its kind in 28 days in a group in need, whose 28 days after are complete. The day
    itself is in no outcome: what happened on it before the action is no result of it. A comparison may be treated in
    its turn before its 28 days are over. From that day on untreated groups that were like it then stand for it, which
    is imputation from the risk set (Hsu, Taylor, Murray & Commenges 2006); to leave such comparisons out would be to
    leave out those that stayed in need. Where no group was like it, it stands for itself, and makes an effect smaller.

    Args:
        past: what happened.

    Returns:
        A row a case and untreated group: `action`, `purpose`, `group_id`, `day`, `is_alive`; of the other one
        `other_group_id`, `other_day`, `other_is_alive`; `weight`, those of a case sum to 1. In the order of these.
    """
    active = past.group_day.filter((pl.col("active_members") > 0) & (pl.col("day") <= past.through))
    needs = spells_in_need(past.states, active.select("group_id", "day"), past.groups).collect().lazy()
    found = cases(past, needs)
    pairs = comparisons(found, past, needs, CLOSE)
    loose = comparisons(found.join(pairs, on=CASE, how="anti"), past, needs, LOOSE)
    days = pl.duration(days=AFTER_DAYS)
    mature = found.filter(pl.col("day") <= past.through - dt.timedelta(days=AFTER_DAYS)).select(*CASE, "purpose")
    treated = _became(mature.with_columns(until=pl.col("day") + days), past)
    untreated = _left_alone(mature, pairs, pl.concat([pairs, loose]), past)
    ends = untreated.select(group_id="other_group_id", until="until").unique()
    outcomes = _became(ends, past).rename({"group_id": "other_group_id", "is_alive": "other_is_alive"})
    keys = (*CASE, *OTHER)
    return (
        treated.drop("until")
        .join(untreated, on=CASE)
        .join(outcomes, on=["other_group_id", "until"])
        # Sums of the same numbers in another order differ in their last digit, and would look like a change.
        .sort(*keys, "until", "weight")
        .group_by(*CASE, "purpose", "is_alive", *OTHER, "other_is_alive", maintain_order=True)
        .agg(pl.col("weight").sum())
        .with_columns(weight=pl.col("weight") / pl.col("weight").sum().over(CASE))
        .select(*CASE, "purpose", "is_alive", *OTHER, "other_is_alive", "weight")
        .sort(keys)
    )


def _became(places: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Add whether groups were alive on the day `until`, where that is measured."""
    known = measured(places.lazy(), pl.col("until"), past.group_day, past.feed_day)
    return with_outcome(known, past.states).collect()


def _left_alone(mature: pl.DataFrame, pairs: pl.DataFrame, stand_ins: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Follow comparisons for 28 days, others from where one is treated: `CASE`, `OTHER`, the day `until`, `weight`."""
    done = past.interventions.select("action", other_group_id="group_id", next_day="day").sort("next_day").collect()
    onward = stand_ins.select(
        "action", other_group_id="group_id", next_day="day", then_group_id="other_group_id", then_day="other_day"
    )
    followed = (
        mature.select(CASE)
        .join(pairs, on=CASE)
        .with_columns(
            until=pl.col("other_day") + pl.duration(days=AFTER_DAYS), weight=1 / pl.len().over(CASE)
        )
    )  # fmt: skip
    alone = []
    for _ in range(_MOST_TIMES):
        followed = (
            followed.with_row_index("row")
            .with_columns(tomorrow=pl.col("other_day") + pl.duration(days=1))
            .sort("tomorrow")
            # Both sides are sorted; with `by` Polars cannot see it and would warn.
            .join_asof(
                done, left_on="tomorrow", right_on="next_day", by=["action", "other_group_id"], strategy="forward",
                coalesce=False, check_sortedness=False,
            )
        )  # fmt: skip
        others = (
            followed.filter(pl.col("next_day") <= pl.col("until"))
            .join(onward, on=["action", "other_group_id", "next_day"])
            .filter(pl.col("then_group_id") != pl.col("group_id"))
        )
        alone.append(followed.join(others, on="row", how="anti").select(*CASE, *OTHER, "until", "weight"))
        followed = (
            others.select(
                *CASE,
                other_group_id="then_group_id",
                other_day="then_day",
                until=pl.col("then_day") + (pl.col("until") - pl.col("next_day")),
                weight=pl.col("weight") / pl.len().over("row"),
            )
            # Several comparisons may be followed by the same one.
            .sort(*CASE, *OTHER, "until", "weight")
            .group_by(*CASE, *OTHER, "until", maintain_order=True)
            .agg(pl.col("weight").sum())
        )
    return pl.concat([*alone, followed])
