"""Interventions in groups in need, each with similar untreated groups and the outcomes of both."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.groups.interventions.alike import CASE, CLOSE, LOOSE, OTHER, Past, cases, comparisons
from pipelines.groups.interventions.known import measured, with_outcome
from pipelines.groups.interventions.needs import spells_in_need
from schemas.lake import INTERVENTION_CASE

AFTER_DAYS: Final = 28
"""How long after an intervention its outcome is looked at."""

_MOST_TIMES: Final = 4
"""How often a comparison that is treated is followed by another one."""


def matched_cases(past: Past) -> pl.DataFrame:
    """Find the cases of each action, and the untreated groups that each is compared with.

    A case is the first action of its kind in 28 days in a group in need, if the 28 days after it are complete. Outcomes
    exclude the day itself, because what happened on it before the action is no result of the action. A comparison may
    be treated itself before its 28 days are over. From that day on it is replaced by untreated groups that were similar
    to it then: imputation from the risk set (Hsu, Taylor, Murray & Commenges 2006). Leaving such comparisons out would
    bias the result, since they stayed in need. If no group was similar, the comparison is kept as it is, which makes
    the effect smaller.

    Args:
        past: The lake tables.

    Returns:
        `schemas.lake.INTERVENTION_CASE`, sorted by its key. In each case the weights of the last spells sum to 1, and
        those of all spells, each times its days, to 28.
    """
    active = past.group_day.filter((pl.col("active_members") > 0) & (pl.col("day") <= past.through))
    needs = spells_in_need(past.states, active.select("group_id", "day"), past.groups).collect().lazy()
    found = cases(past, needs)
    pairs = comparisons(found, past, needs, CLOSE)
    loose = comparisons(found.join(pairs, on=CASE, how="anti"), past, needs, LOOSE)
    mature = found.filter(pl.col("day") <= past.through - dt.timedelta(days=AFTER_DAYS)).select(*CASE, "purpose")
    spells = _left_alone(mature, pairs, pl.concat([pairs, loose]), past)
    ends = mature.select("group_id", until=pl.col("day") + pl.duration(days=AFTER_DAYS))
    other_ends = spells.filter("is_last").select(group_id="other_group_id", until="until")
    became = _became(pl.concat([ends, other_ends]).unique(), past)
    others_became = became.select(other_group_id="group_id", until="until", other_is_alive="is_alive", is_last=True)
    return (
        mature.with_columns(until=pl.col("day") + pl.duration(days=AFTER_DAYS))
        .join(became, on=["group_id", "until"], how="left")
        .drop("until")
        .join(spells, on=CASE)
        .join(others_became, on=["other_group_id", "until", "is_last"], how="left")
        .select(INTERVENTION_CASE.schema.names())
        .sort(INTERVENTION_CASE.key)
    )


def _became(places: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Add whether groups were alive on the day `until`; rows for which that day is not measured are left out."""
    known = measured(places.lazy(), pl.col("until"), past.group_day, past.feed_day)
    return with_outcome(known, past.states).collect()


def _left_alone(mature: pl.DataFrame, pairs: pl.DataFrame, stand_ins: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Follow comparisons for 28 days, others from the day on which one is treated.

    Returns:
        `CASE`, `OTHER`, the days `since` to `until` that count, `is_last` (it is not replaced afterwards), `weight`.
    """
    done = past.interventions.select("action", other_group_id="group_id", next_day="day").sort("next_day").collect()
    onward = stand_ins.select(
        "action", other_group_id="group_id", next_day="day", then_group_id="other_group_id", then_day="other_day"
    )
    a_day = pl.duration(days=1)
    followed = (
        mature.select(CASE)
        .join(pairs, on=CASE)
        .with_columns(
            since=pl.col("other_day") + a_day,
            until=pl.col("other_day") + pl.duration(days=AFTER_DAYS),
            weight=1 / pl.len().over(CASE),
        )
    )
    spells = []
    for _ in range(_MOST_TIMES):
        followed = (
            followed.with_row_index("row")
            .with_columns(tomorrow=pl.col("other_day") + a_day)
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
        # On the day of its treatment those that stand for it already count.
        replaced = followed.join(others, on="row", how="semi").with_columns(until=pl.col("next_day") - a_day)
        spells += [_spells(replaced, is_last=False), _spells(followed.join(others, on="row", how="anti"), is_last=True)]
        followed = (
            others.select(
                *CASE,
                other_group_id="then_group_id",
                other_day="then_day",
                since="then_day",
                until=pl.col("then_day") + (pl.col("until") - pl.col("next_day")),
                weight=pl.col("weight") / pl.len().over("row"),
            )
            # Several comparisons may be followed by the same one.
            .sort(*CASE, *OTHER, "until", "weight")
            .group_by(*CASE, *OTHER, "since", "until", maintain_order=True)
            .agg(pl.col("weight").sum())
        )
    whole = pl.concat([*spells, _spells(followed, is_last=True)])
    # Sums of the same numbers in another order differ in their last digit, and would look like a change.
    return whole.sort(pl.all()).group_by(pl.exclude("weight"), maintain_order=True).agg(pl.col("weight").sum())


def _spells(followed: pl.DataFrame, *, is_last: bool) -> pl.DataFrame:
    """Return the spells of at least one day."""
    spells = followed.select(*CASE, *OTHER, "since", "until", "weight", is_last=pl.lit(is_last))
    return spells.filter(pl.col("since") <= pl.col("until"))
